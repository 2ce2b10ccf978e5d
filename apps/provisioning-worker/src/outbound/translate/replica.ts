import { toReason } from '@ultracore/contracts';
import { z } from 'zod';
import type { ReplicaStep } from '../../provisioning/replica/steps.ts';
import { given, type Fact, type Told } from './fact.ts';

/** What a request to verify a replica asks about. */
export const replicaDetails = z.object({ readonly_db_host: z.string(), readonly_db_port: z.int() });

/** The fact that a step of verifying a replica tells, or undefined for one of which only the worker knows. */
export function replicaFact(step: ReplicaStep, told: Told, time: string): Fact | undefined {
  switch (step) {
    case 'verified':
      return { type: 'TenantReadReplicaVerifiedEvent', fields: { ...replicaDetails.parse(told.details), verified_at: time } };
    case 'rejected': {
      const { code, reason } = given(told.failure, step);
      const fields = { ...replicaDetails.parse(told.details), code, reason: toReason(reason), rejected_at: time };
      return { type: 'TenantReadReplicaRejectedEvent', fields };
    }
    case 'verify':
      return undefined;
    default:
      return step satisfies never;
  }
}
