import type { Decider } from '@ultracore/event-sourcing';
import type { ExistingTenantCommand, RecordFact, TenantCommand } from './commands.ts';
import { create, decideLifecycle } from './decide-lifecycle.ts';
import { decideRequest } from './decide-requests.ts';
import { decideSettings } from './decide-settings.ts';
import type { TenantEvent } from './events.ts';
import { concernsOpenProvisioning, evolve, initialState } from './evolve.ts';
import { concernsOpenRequest } from './record.ts';
import { refuse } from './refusals.ts';
import type { ExistingTenant, TenantState } from './state.ts';

/** The tenant aggregate. Commands may be refused; facts never are, but for those of a tenant that does not exist. */
export const tenantDecider: Decider<TenantState, TenantCommand, TenantEvent> = { decide, evolve, initialState };

function decide(command: TenantCommand, state: TenantState): readonly TenantEvent[] {
  switch (command.type) {
    case 'CreateTenant':
      return create(command, state);
    case 'RecordFact':
      return recordFact(command, state);
    case 'RetryProvisioning':
    case 'SuspendTenant':
    case 'ReactivateTenant':
    case 'TerminateTenant':
    case 'PlaceLegalHold':
    case 'ReleaseLegalHold':
      return decideLifecycle(command, existing(command, state));
    case 'PurgeTenant':
    case 'MigrateTenant':
    case 'CancelMigration':
    case 'RotatePassword':
    case 'AddReadReplica':
    case 'RemoveReadReplica':
      return decideRequest(command, existing(command, state));
    case 'ConfigureTenant':
    case 'ResizePool':
    case 'ScaleTenant':
    case 'GrantAccess':
    case 'RevokeAccess':
      return decideSettings(command, existing(command, state));
    default:
      return command satisfies never;
  }
}

function existing(command: ExistingTenantCommand, state: TenantState): ExistingTenant {
  if (state.status === 'none') return refuse('tenant_not_found', 'There is no such tenant.');
  if (command.ifMatch !== undefined && command.ifMatch !== state.decidedRevision) {
    return refuse('precondition_failed', `The tenant has changed: its ETag is now "${state.decidedRevision}".`);
  }
  return state;
}

/** Recorded whatever it says. What the registry decides upon it is in the same append. */
function recordFact({ fact, now }: RecordFact, state: TenantState): readonly TenantEvent[] {
  if (state.status === 'none') return refuse('tenant_not_found', 'A fact came about a tenant that was never created.');
  const { requestId } = fact.data;
  const activates =
    fact.type === 'MigrationsCompleted' &&
    state.status === 'provisioning' &&
    concernsOpenProvisioning(state, fact) &&
    state.home !== null &&
    state.nextCredential !== null;
  if (activates) return [fact, { type: 'TenantActivated', data: { requestId, activatedAt: now } }];
  if (fact.type === 'ReadReplicaVerified' && concernsOpenRequest(state, 'verifyReplica', fact)) {
    const { host, port } = fact.data;
    return [fact, { type: 'ReadReplicaAdded', data: { requestId, host, port, addedAt: now } }];
  }
  return [fact];
}
