import type { PurgeTenant, RotatePassword } from '../../tenant/commands.ts';
import type { ExistingTenant } from '../../tenant/state.ts';
import { rotationFrom, waitOf } from '../../tenant/waiting.ts';

const DAY_MS = 24 * 60 * 60_000;
const BY = 'registry';

/** A command that the registry gives itself; its request id is for whoever gives it. */
type ScheduledCommand = Omit<PurgeTenant, 'requestId'> | Omit<RotatePassword, 'requestId'>;

/** Something that is asked for by itself when its time has come. */
export interface Scheduled {
  /** What tenants wait for, and since when at least before they are looked at. */
  readonly what: 'purge_from' | 'password_since';
  readonly until: (now: Date) => Date;
  /** What is due for this tenant now; undefined when nothing is. Pure. */
  readonly due: (state: ExistingTenant, now: Date) => ScheduledCommand | undefined;
}

/** Only while the tenant is as it was read: whatever is decided meanwhile goes before. */
const common = (state: ExistingTenant, now: Date) => ({ by: BY, now: now.toISOString(), ifMatch: state.decidedRevision });

/** The purge of terminated tenants whose retention time has passed and that are not held. */
export const purges: Scheduled = {
  what: 'purge_from',
  until: (now) => now,
  due(state, now) {
    const { purgeFrom } = waitOf(state);
    if (purgeFrom === null || now.getTime() < Date.parse(purgeFrom)) return undefined;
    return { type: 'PurgeTenant', reason: 'The retention time has passed.', early: false, ...common(state, now) };
  },
};

/** New passwords for active tenants whose passwords have been in force for so many days. */
export function rotations(afterDays: number): Scheduled {
  const maxAgeMs = afterDays * DAY_MS;
  return {
    what: 'password_since',
    until: (now) => new Date(now.getTime() - maxAgeMs),
    due(state, now) {
      const from = rotationFrom(state, maxAgeMs);
      if (from === null || now.getTime() < Date.parse(from)) return undefined;
      return { type: 'RotatePassword', reason: `The passwords are older than ${afterDays} days.`, ...common(state, now) };
    },
  };
}
