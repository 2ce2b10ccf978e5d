import { scramVerifier, type KeyRing } from '@ultracore/credentials';
import type { Verifiers } from '@ultracore/tenant-database';
import type { SealedCredential } from '../store/work.ts';

/** Both passwords in the clear: for a login as the tenant, never to be stored or told. */
export interface Passwords {
  readonly readWrite: string;
  readonly readOnly: string;
}

/** Opens a tenant's sealed credential. Throws `CredentialError`. */
export function openPasswords(keyRing: KeyRing, tenantId: string, sealed: SealedCredential): Passwords {
  return {
    readWrite: keyRing.open({ tenantId, role: sealed.db_username, sealed: sealed.db_password_encrypted }),
    readOnly: keyRing.open({ tenantId, role: sealed.readonly_db_username, sealed: sealed.readonly_db_password_encrypted }),
  };
}

export const verifiersOf = ({ readWrite, readOnly }: Passwords): Verifiers => ({
  readWrite: scramVerifier(readWrite),
  readOnly: scramVerifier(readOnly),
});
