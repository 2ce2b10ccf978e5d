import type { TenantEvent } from '../../src/tenant/events.ts';
import { activated, created, factsOf, idOf, minutesLater, terminated } from './examples.ts';

const { started, issued, schema, migrated, failed } = factsOf(idOf('creation'));

/** Histories that tests go on from, by the status they end in. */
export const provisioning: readonly TenantEvent[] = [created, started, issued, schema];
export const active: readonly TenantEvent[] = [...provisioning, migrated, activated(idOf('creation'), minutesLater(2))];
export const broken: readonly TenantEvent[] = [created, started, issued, failed];

export const suspension: TenantEvent = {
  type: 'TenantSuspended',
  data: { reason: 'unpaid', suspendedBy: 'op-1', suspendedAt: minutesLater(3) },
};
export const suspended: readonly TenantEvent[] = [...active, suspension];

/** Its data is kept until a day after. */
export const termination: TenantEvent = {
  type: 'TenantTerminated',
  data: {
    reason: 'over',
    terminatedBy: 'op-1',
    terminatedAt: minutesLater(10),
    dataRetentionDays: 1,
    purgeAfter: minutesLater(10 + 24 * 60),
  },
};
export const ended: readonly TenantEvent[] = [...active, termination];
/** One that never was active: its purge is due at once. */
export const endedEarly: readonly TenantEvent[] = [created, terminated(minutesLater(1))];

export const purgeRequested: TenantEvent = {
  type: 'PurgeRequested',
  data: { requestId: idOf('purge'), reason: 'over', requestedBy: 'op-1', requestedAt: minutesLater(20) },
};
export const purged: readonly TenantEvent[] = [...ended, purgeRequested, factsOf(idOf('purge')).purged];

/** Everything that can be asked of a tenant says who and when. */
export const at = (minutes: number) => ({ by: 'op-1', now: minutesLater(minutes) });
