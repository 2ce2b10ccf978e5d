import type { DirectoryCredential, DirectoryRow } from '@ultracore/contracts';
import type { Credential } from '../tenant/facts.ts';
import { toRow } from '../tenant/row.ts';
import { isHoused, type ExistingTenant, type Request, type SchemaDrift } from '../tenant/state.ts';

/** A tenant as the directory topic carries it: everything the other services need in order to act. Pure. */
export function toDirectoryRow(state: ExistingTenant): DirectoryRow {
  const { id, outcome, attempt } = state.provision;
  const { rotate, purge, migrate, verifyReplica } = state.requests;
  return {
    ...toRow(state),
    revision: state.revision,
    life: state.life,
    home_request_id: isHoused(state) ? id : null,
    credential: 'credential' in state ? toDirectoryCredential(state.credential) : null,
    next_credential: 'nextCredential' in state && state.nextCredential ? toDirectoryCredential(state.nextCredential) : null,
    requests: {
      provision: { id, outcome, attempt },
      rotate: toRequestState(rotate),
      migrate: toRequestState(migrate),
      purge: toRequestState(purge),
      verify_replica: toRequestState(verifyReplica),
    },
    grants: state.grants.map(({ userId, role }) => ({ user_id: userId, role })),
    ...(state.revokedUsers.length === 0 ? {} : { revoked_user_ids: [...state.revokedUsers] }),
    target_migration_version: targetVersionOf(state),
    purge_after: state.status === 'terminated' ? state.purgeAfter : null,
    legal_hold: state.legalHold,
    ...(isHoused(state) && state.schemaDrift !== null ? { schema_drift: toDrift(state.schemaDrift) } : {}),
  };
}

/** Of the request that is open: the creation, or a migration after it. */
function targetVersionOf(state: ExistingTenant): string | null {
  if (state.status === 'provisioning') return state.targetVersion;
  const { migrate } = state.requests;
  return migrate?.outcome === 'open' ? migrate.targetVersion : null;
}

const toDrift = ({ change, found }: SchemaDrift) => ({ change, fingerprint: found?.fingerprint ?? null });

const toRequestState = (request: Request | null) => request && { id: request.id, outcome: request.outcome };

const toDirectoryCredential = (credential: Credential): DirectoryCredential => ({
  request_id: credential.requestId,
  db_username: credential.dbUsername,
  db_password_encrypted: credential.dbPasswordEncrypted,
  readonly_db_username: credential.readonlyDbUsername,
  readonly_db_password_encrypted: credential.readonlyDbPasswordEncrypted,
  encryption_algorithm: credential.encryptionAlgorithm,
  key_id: credential.keyId,
});
