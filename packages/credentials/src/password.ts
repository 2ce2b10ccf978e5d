import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';
import { CredentialError } from './errors.ts';

const PASSWORD_BYTES = 32;
const SALT_BYTES = 16;
/** What Postgres itself uses. Our passwords have 256 random bits: no number of rounds makes them harder to guess. */
const ITERATIONS = 4096;
const PRINTABLE_ASCII = /^[\x20-\x7e]+$/;

/** A password of 32 random bytes, as 43 characters of base64url. */
export function generatePassword(): string {
  return randomBytes(PASSWORD_BYTES).toString('base64url');
}

/**
 * What Postgres stores for a password (`SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`, RFC 5803 and RFC 7677),
 * so that `alter role … password` carries no password and no log can hold one. Every call draws another salt.
 * @throws CredentialError `unsupported_password` unless the password is printable ASCII, which SASLprep leaves unchanged.
 */
export function scramVerifier(password: string): string {
  return scramVerifierWith(password, randomBytes(SALT_BYTES), ITERATIONS);
}

/** The verifier for a given salt and number of iterations: for the RFC's test vector. */
export function scramVerifierWith(password: string, salt: Buffer, iterations: number): string {
  if (!PRINTABLE_ASCII.test(password)) {
    throw new CredentialError('unsupported_password', 'A password must be printable ASCII and not empty.');
  }
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const storedKey = createHash('sha256').update(clientKey).digest();
  const serverKey = createHmac('sha256', salted).update('Server Key').digest();
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${storedKey.toString('base64')}:${serverKey.toString('base64')}`;
}
