/** Why a key ring or a sealed credential was refused. Closed list: a caller decides on the code, never on the text. */
export const CREDENTIAL_ERROR_CODES = [
  /** The key made from this master password is not the one the credential was sealed with. */
  'wrong_master_password',
  /** Right key, but the content, the tenant, the role or the key id is not what was sealed. */
  'tampered',
  /** Sealed with a key id that this ring does not hold. */
  'unknown_key',
  /** Not `v1.<key_id>.<check>.<nonce>.<ciphertext+tag>` in canonical base64url. */
  'malformed',
  /** Fewer PBKDF2 rounds than the floor. */
  'weak_rounds',
  /** A key ring that cannot be: an empty master password, an impossible or repeated key id. */
  'bad_key',
  /** A password that has no one SCRAM form without a stringprep table (not printable ASCII). */
  'unsupported_password',
] as const;

export type CredentialErrorCode = (typeof CREDENTIAL_ERROR_CODES)[number];

/** The only error this package throws. Its text never holds a password, a key or a ciphertext. */
export class CredentialError extends Error {
  readonly code: CredentialErrorCode;

  constructor(code: CredentialErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CredentialError';
    this.code = code;
  }
}
