import { createKeyRing, CredentialError, type KeyRing, type KeyRingOptions } from '@ultracore/credentials';
import type { Pool } from 'pg';
import { sealedByKey, type SealedByKey } from '../store/keys.ts';

/**
 * The key ring of the configured master passwords, once it is known to open every stored credential.
 * Throws `CredentialError`: `unknown_key` or `wrong_master_password` when it does not, in one sentence for each key, with the number of
 * credentials; `weak_rounds` or `bad_key` for a ring that cannot be.
 */
export async function openKeyRing(pool: Pool, master: KeyRingOptions): Promise<KeyRing> {
  const keyRing = await createKeyRing(master);
  const faults = (await sealedByKey(pool)).flatMap((stored) => faultOf(keyRing, master, stored) ?? []);
  const [first] = faults;
  if (first === undefined) return keyRing;
  throw new CredentialError(first.code, faults.map(({ message }) => message).join(' '));
}

/** Of a sealed text only what it says of its key counts here: one that was tampered with is its tenant's trouble alone. */
function faultOf(keyRing: KeyRing, master: KeyRingOptions, { keyId, credentials, sample }: SealedByKey) {
  try {
    keyRing.assertHolds(sample);
    return undefined;
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    const { code } = error;
    if (code === 'unknown_key') return { code, message: missing(keyId, credentials) };
    return code === 'wrong_master_password' ? { code, message: wrong(keyId, credentials, variableOf(master, keyId)) } : undefined;
  }
}

const stored = (credentials: number): string =>
  credentials === 1 ? '1 stored credential is' : `${credentials} stored credentials are`;

const missing = (keyId: string, credentials: number): string =>
  `${stored(credentials)} sealed with key "${keyId}", which this worker is not given: name it in ULTRACORE_MASTER_KEY_ID_PREVIOUS and ` +
  'ULTRACORE_MASTER_PASSWORD_PREVIOUS until none is.';

const wrong = (keyId: string, credentials: number, variable: string): string =>
  `${variable} (or the salt or the rounds) is not the one of key "${keyId}", with which ${stored(credentials)} sealed: set the right one, ` +
  'or give a new master password a key id of its own.';

function variableOf({ keyId: current, upcoming = [] }: KeyRingOptions, keyId: string): string {
  if (keyId === current) return 'ULTRACORE_MASTER_PASSWORD';
  return `ULTRACORE_MASTER_PASSWORD_${upcoming.some((each) => each.keyId === keyId) ? 'NEXT' : 'PREVIOUS'}`;
}
