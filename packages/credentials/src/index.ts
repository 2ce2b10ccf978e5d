export { CREDENTIAL_ERROR_CODES, CredentialError } from './errors.ts';
export type { CredentialErrorCode } from './errors.ts';
export { createKeyRing, DEFAULT_ROUNDS, ENCRYPTION_ALGORITHM, MINIMUM_ROUNDS } from './key-ring.ts';
export type { CredentialOwner, KeyRing, KeyRingOptions, MasterKey } from './key-ring.ts';
export { generatePassword, scramVerifier } from './password.ts';
