import type {
  AddReadReplica,
  CancelMigration,
  MigrateTenant,
  PurgeTenant,
  RemoveReadReplica,
  RequestCommand,
  RotatePassword,
} from './commands.ts';
import type { TenantEvent } from './events.ts';
import { active, housed, refuse, type Refusal } from './refusals.ts';
import type { ExistingTenant, RequestKind } from './state.ts';
import { isAtLeast } from './version.ts';

/** One request of a kind at a time: what the open one leads to is what the next one starts from. */
const OPEN: Readonly<Record<RequestKind, Refusal>> = {
  rotate: 'rotation_open',
  purge: 'purge_open',
  migrate: 'migration_open',
  verifyReplica: 'replica_open',
};

function refuseWhileOpen(state: ExistingTenant, kind: RequestKind): void {
  const request = state.requests[kind];
  if (request?.outcome !== 'open') return;
  refuse(OPEN[kind], `The request ${request.id} of ${request.requestedAt} is still open.`);
}

export function decideRequest(command: RequestCommand, state: ExistingTenant): readonly TenantEvent[] {
  switch (command.type) {
    case 'PurgeTenant':
      return purge(command, state);
    case 'MigrateTenant':
      return migrate(command, state);
    case 'CancelMigration':
      return cancelMigration(command, state);
    case 'RotatePassword':
      return rotate(command, state);
    case 'AddReadReplica':
      return addReplica(command, state);
    case 'RemoveReadReplica':
      return removeReplica(command, state);
    default:
      return command satisfies never;
  }
}

function purge({ requestId, reason, by, now, early }: PurgeTenant, state: ExistingTenant): readonly TenantEvent[] {
  if (state.status === 'purged') return refuse('already_purged', 'The tenant is purged.');
  if (state.status !== 'terminated') {
    return refuse('not_terminated', `Only a terminated tenant is purged, and this one is ${state.status}.`);
  }
  if (state.legalHold) return refuse('legal_hold', 'The tenant is under a legal hold: release it first.');
  refuseWhileOpen(state, 'purge');
  if (!early && Date.parse(now) < Date.parse(state.purgeAfter)) {
    return refuse('purge_not_due', `The data of this tenant is to be kept until ${state.purgeAfter}.`);
  }
  return [{ type: 'PurgeRequested', data: { requestId, reason, requestedBy: by, requestedAt: now } }];
}

function migrate(command: MigrateTenant, state: ExistingTenant): readonly TenantEvent[] {
  const { requestId, targetVersion, rolloutId, by, now, onlyActive = false } = command;
  const { migrationVersion } = onlyActive ? active(state) : housed(state);
  refuseWhileOpen(state, 'migrate');
  if (isAtLeast(migrationVersion, targetVersion)) {
    return refuse('already_migrated', `The tenant is at version ${migrationVersion}, and nothing is ever taken back.`);
  }
  return [{ type: 'MigrationRequested', data: { requestId, targetVersion, rolloutId, requestedBy: by, requestedAt: now } }];
}

function cancelMigration({ only, code, reason, by, now }: CancelMigration, state: ExistingTenant): readonly TenantEvent[] {
  const { migrate: open } = state.requests;
  if (open?.outcome !== 'open' || (only !== undefined && only !== open.id)) {
    return refuse('no_migration_open', 'No migration of this tenant is open.');
  }
  return [{ type: 'MigrationCancelled', data: { requestId: open.id, code, reason, cancelledBy: by, cancelledAt: now } }];
}

function rotate({ requestId, reason, by, now }: RotatePassword, state: ExistingTenant): readonly TenantEvent[] {
  active(state);
  refuseWhileOpen(state, 'rotate');
  return [{ type: 'PasswordRotationRequested', data: { requestId, reason, requestedBy: by, requestedAt: now } }];
}

function addReplica({ requestId, host, port, by, now }: AddReadReplica, state: ExistingTenant): readonly TenantEvent[] {
  const { replica } = active(state);
  refuseWhileOpen(state, 'verifyReplica');
  if (replica) return refuse('replica_exists', `Reads go to ${replica.host}:${replica.port} already: remove that one first.`);
  return [{ type: 'ReadReplicaRequested', data: { requestId, host, port, requestedBy: by, requestedAt: now } }];
}

function removeReplica({ by, now }: RemoveReadReplica, state: ExistingTenant): readonly TenantEvent[] {
  const { replica } = housed(state);
  if (!replica) return refuse('no_replica', 'The tenant has no read replica.');
  return [{ type: 'ReadReplicaRemoved', data: { ...replica, removedBy: by, removedAt: now } }];
}
