import { toReason } from '@ultracore/contracts';
import { z } from 'zod';
import type { PurgeStep } from '../../provisioning/purge/steps.ts';
import { given, type Fact, type Told } from './fact.ts';

const objects = z.array(z.object({ kind: z.string(), name: z.string(), counted: z.record(z.string(), z.number()) }));

/** What step `close` leaves behind: everything there was, before the first attempt to remove it. */
export const purgeInventory = z.object({ found: objects });
export type PurgeInventory = z.infer<typeof purgeInventory>;

/** What step `purge_failed` leaves behind: everything there still is. */
const rest = z.object({ remaining: objects });
export type PurgeRest = z.infer<typeof rest>;

/** What one message may list. */
const OBJECTS_AT_MOST = 2000;

/** The fact that a step of a purge tells, or undefined for one of which only the worker knows. */
export function purgeFact(step: PurgeStep, told: Told, time: string): Fact | undefined {
  switch (step) {
    case 'purged': {
      const { found } = purgeInventory.parse(told.results['close']);
      return { type: 'TenantDataPurgedEvent', fields: { removed: found.slice(0, OBJECTS_AT_MOST), purged_at: time } };
    }
    case 'purge_failed': {
      const { step: where, code, reason } = given(told.failure, step);
      const { remaining } = rest.parse(told.results[step]);
      const what = { step: where, code, reason: toReason(reason), remaining: remaining.slice(0, OBJECTS_AT_MOST) };
      return { type: 'TenantPurgeFailedEvent', fields: { ...what, failed_at: time } };
    }
    case 'close':
    case 'remove':
    case 'forget':
    case 'prove':
      return undefined;
    default:
      return step satisfies never;
  }
}
