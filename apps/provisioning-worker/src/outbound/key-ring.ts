import { createKeyRing, CredentialError, type KeyRing, type MasterKey } from '@ultracore/credentials';
import type { Pool } from 'pg';
import { confirmKeyCheck } from '../store/key-checks.ts';

/**
 * The key ring of the configured master password, once it is known to be the one that earlier credentials were sealed with.
 * Throws `CredentialError`: `wrong_master_password` when it is not, `weak_rounds` or `bad_key` for one that cannot be.
 */
export async function openKeyRing(pool: Pool, master: MasterKey): Promise<KeyRing> {
  const keyRing = await createKeyRing(master);
  if (await confirmKeyCheck(pool, keyRing)) return keyRing;
  throw new CredentialError(
    'wrong_master_password',
    `ULTRACORE_MASTER_PASSWORD (or the salt or the rounds) is not the one that the credentials of key "${keyRing.keyId}" were sealed ` +
      'with. Set the right one: rotation of the master password is not built yet.',
  );
}
