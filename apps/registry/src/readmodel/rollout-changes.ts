import type { StoredEvent } from '@ultracore/event-sourcing';
import { ROLLOUT_STREAMS, rolloutCodec, rolloutOf } from '../rollout/codec.ts';
import type { RolloutEvent } from '../rollout/events.ts';
import { tenantCodec, tenantOf } from '../tenant/codec.ts';

/** A tenant was asked for a migration in a rollout. */
interface Asked {
  readonly change: 'asked';
  readonly rolloutId: string;
  readonly tenantId: string;
  readonly requestId: string;
  readonly at: string;
  readonly revision: number;
}
/** What was asked for has ended. */
interface Ended {
  readonly change: 'ended';
  readonly tenantId: string;
  readonly requestId: string;
  readonly revision: number;
  /** When the worker has ended it; not there where it was given up. */
  readonly at?: string;
  /** Null where it is done. */
  readonly failure: { readonly state: 'failed' | 'skipped'; readonly code: string; readonly reason: string } | null;
}
/** Whatever is open at a tenant is not done any more. */
interface Cancelled {
  readonly change: 'cancelled';
  readonly tenantId: string;
  readonly revision: number;
  readonly code: string;
}
interface RolloutChange {
  readonly change: 'rollout';
  readonly rolloutId: string;
  readonly event: RolloutEvent;
  readonly revision: number;
}

/** What an event says of rollouts and of how their tenants stand. */
export type Change = Asked | Ended | Cancelled | RolloutChange;

/** By its name alone: most events say nothing here, and need not be decoded. */
const SAYING = /^(?:MigrationRequested|MigrationCancelled|MigrationsCompleted|MigrationsFailed|TenantTerminated)\.v/;

/** Pure. A completed creation, too, looks like an ended migration: no rollout knows its request. */
export function changesOf(events: readonly StoredEvent[]): Change[] {
  return events.flatMap((stored) => (stored.streamName.startsWith(ROLLOUT_STREAMS) ? ofRollout(stored) : ofTenant(stored)));
}

const ofRollout = (stored: StoredEvent): Change => ({
  change: 'rollout',
  rolloutId: rolloutOf(stored.streamName),
  event: rolloutCodec.decode(stored),
  revision: Number(stored.revision),
});

function ofTenant(stored: StoredEvent): Change[] {
  if (!SAYING.test(stored.type)) return [];
  const tenantId = tenantOf(stored.streamName);
  const revision = Number(stored.revision);
  const event = tenantCodec.decode(stored);
  switch (event.type) {
    case 'MigrationRequested': {
      const { rolloutId, requestId, requestedAt: at } = event.data;
      return [{ change: 'asked', rolloutId, tenantId, requestId, at, revision }];
    }
    case 'MigrationsCompleted':
      return [
        { change: 'ended', tenantId, requestId: event.data.requestId, revision, at: event.data.completedAt, failure: null },
      ];
    case 'MigrationsFailed': {
      const { requestId, code, reason, failedAt: at } = event.data;
      return [{ change: 'ended', tenantId, requestId, revision, at, failure: { state: 'failed', code, reason } }];
    }
    case 'MigrationCancelled': {
      const { requestId, code, reason } = event.data;
      // What an operator takes out of a rollout says nothing of the version; what does not end in time may.
      const failure =
        code === 'operator'
          ? ({ state: 'skipped', code: 'cancelled', reason } as const)
          : ({ state: 'failed', code, reason } as const);
      return [{ change: 'ended', tenantId, requestId, revision, failure }];
    }
    case 'TenantTerminated':
      return [{ change: 'cancelled', tenantId, revision, code: 'terminated' }];
    default:
      return [];
  }
}
