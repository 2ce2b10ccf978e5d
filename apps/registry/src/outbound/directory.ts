import type { DirectoryCredential, DirectoryRow } from '@ultracore/contracts';
import type { Credential } from '../tenant/events.ts';
import { toRow } from '../tenant/row.ts';
import type { ExistingTenant } from '../tenant/state.ts';

/** A tenant as the directory topic carries it: everything the other services need in order to act. Pure. */
export function toDirectoryRow(state: ExistingTenant): DirectoryRow {
  const { id, outcome, attempt } = state.provision;
  return {
    ...toRow(state),
    revision: state.revision,
    life: state.life,
    home_request_id: state.status === 'active' ? id : null,
    credential: 'credential' in state ? toDirectoryCredential(state.credential) : null,
    next_credential: 'nextCredential' in state && state.nextCredential ? toDirectoryCredential(state.nextCredential) : null,
    requests: { provision: { id, outcome, attempt }, rotate: null, migrate: null, purge: null, verify_replica: null },
    grants: [],
    target_migration_version: null,
    purge_after: state.status === 'terminated' ? state.purgeAfter : null,
    legal_hold: false,
  };
}

const toDirectoryCredential = (credential: Credential): DirectoryCredential => ({
  request_id: credential.requestId,
  db_username: credential.dbUsername,
  db_password_encrypted: credential.dbPasswordEncrypted,
  readonly_db_username: credential.readonlyDbUsername,
  readonly_db_password_encrypted: credential.readonlyDbPasswordEncrypted,
  encryption_algorithm: credential.encryptionAlgorithm,
  key_id: credential.keyId,
});
