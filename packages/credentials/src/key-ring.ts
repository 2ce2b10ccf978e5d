import { createCipheriv, createDecipheriv, createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { formatEnvelope, KEY_ID_PATTERN, parseEnvelope, type Envelope } from './envelope.ts';
import { CredentialError } from './errors.ts';

const deriveBytes = promisify(pbkdf2);

const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const CHECK_BYTES = 8;

/** The name recorded beside every sealed credential. */
export const ENCRYPTION_ALGORITHM = 'AES-256-GCM';
export const DEFAULT_ROUNDS = 600_000;
export const MINIMUM_ROUNDS = 100_000;

/** One master password and how its key is made. Rounds default to 600,000 and may not be fewer than 100,000. */
export interface MasterKey {
  readonly masterPassword: string;
  readonly keyId: string;
  readonly salt?: string | undefined;
  readonly rounds?: number | undefined;
}

/** The key new credentials are sealed with, and those that may be opened beside it. */
export interface KeyRingOptions extends MasterKey {
  /** In use before: what they sealed is to be sealed again with the present one. */
  readonly retired?: readonly MasterKey[] | undefined;
  /** In use by others soon: known beforehand, so that nothing they seal is ever closed to this ring. */
  readonly upcoming?: readonly MasterKey[] | undefined;
}

/** Whose credential it is. A sealed text opens only for exactly this tenant and login role. */
export interface CredentialOwner {
  readonly tenantId: string;
  readonly role: string;
}

export interface KeyRing {
  /** The id of the key that `seal` uses. */
  readonly keyId: string;
  /** Of the retired keys: what carries one of these is to be sealed again. */
  readonly retiredKeyIds: readonly string[];
  /** 8 bytes of HMAC(key, "check") in base64url: tells two master passwords apart without telling either. */
  readonly check: string;
  /** Seals a password for one tenant and one role. Every call gives another text (random 96-bit nonce). */
  seal(credential: CredentialOwner & { readonly password: string }): string;
  /**
   * The password in a sealed text.
   * @throws CredentialError `malformed`, `unknown_key`, `wrong_master_password` or `tampered`.
   */
  open(credential: CredentialOwner & { readonly sealed: string }): string;
  /**
   * Tests that this ring holds the key a text was sealed with, without opening it: what a service does at start with one
   * stored credential, so that a wrong master password is one error there and not a failure at the first query.
   * @throws CredentialError `malformed`, `unknown_key` or `wrong_master_password`.
   */
  assertHolds(sealed: string): void;
}

interface DerivedKey {
  readonly keyId: string;
  readonly key: Buffer;
  readonly check: string;
}

/**
 * Derives every key once (in parallel, off the main thread) and returns the ring. Keys stay in the closure: logging or
 * serialising a ring shows its id and its check, nothing more.
 * @throws CredentialError `weak_rounds` or `bad_key`.
 */
export async function createKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  const masters = [options, ...(options.retired ?? []), ...(options.upcoming ?? [])];
  for (const master of masters) assertUsable(master);
  if (new Set(masters.map((master) => master.keyId)).size !== masters.length) {
    throw new CredentialError('bad_key', 'Two keys of the ring have the same id.');
  }
  const [current, ...others] = await Promise.all(masters.map(derive));
  if (current === undefined) throw new CredentialError('bad_key', 'A ring needs a key.');
  const keys = new Map([current, ...others].map((derived) => [derived.keyId, derived]));

  return {
    keyId: current.keyId,
    retiredKeyIds: (options.retired ?? []).map(({ keyId }) => keyId),
    check: current.check,
    seal: ({ password, ...owner }) => seal(current, owner, password),
    open: ({ sealed, ...owner }) => {
      const envelope = parseEnvelope(sealed);
      return open(keyOf(keys, envelope), owner, envelope);
    },
    assertHolds: (sealed) => {
      keyOf(keys, parseEnvelope(sealed));
    },
  };
}

function assertUsable(master: MasterKey): void {
  if (!KEY_ID_PATTERN.test(master.keyId)) {
    throw new CredentialError('bad_key', 'A key id is 1 to 32 of a-z, 0-9, "-" and "_", the first a letter or digit.');
  }
  if (master.masterPassword === '')
    throw new CredentialError('bad_key', `The master password of key "${master.keyId}" is empty.`);
  const rounds = master.rounds ?? DEFAULT_ROUNDS;
  if (!Number.isSafeInteger(rounds) || rounds < MINIMUM_ROUNDS) {
    throw new CredentialError(
      'weak_rounds',
      `Key "${master.keyId}" needs at least ${MINIMUM_ROUNDS} PBKDF2 rounds, not ${rounds}.`,
    );
  }
}

async function derive(master: MasterKey): Promise<DerivedKey> {
  const salt = createHash('sha256')
    .update(`ultracore/${master.keyId}${master.salt ?? ''}`, 'utf8')
    .digest();
  const key = await deriveBytes(master.masterPassword, salt, master.rounds ?? DEFAULT_ROUNDS, KEY_BYTES, 'sha256');
  const check = createHmac('sha256', key).update('check').digest().subarray(0, CHECK_BYTES).toString('base64url');
  return { keyId: master.keyId, key, check };
}

function keyOf(keys: ReadonlyMap<string, DerivedKey>, envelope: Envelope): DerivedKey {
  const derived = keys.get(envelope.keyId);
  if (derived === undefined) {
    throw new CredentialError('unknown_key', `The credential is sealed with key "${envelope.keyId}", which is not in the ring.`);
  }
  if (!timingSafeEqual(Buffer.from(derived.check), Buffer.from(envelope.check))) {
    throw new CredentialError(
      'wrong_master_password',
      `The master password (or its salt or rounds) of key "${derived.keyId}" is not the one the credential was sealed with.`,
    );
  }
  return derived;
}

/** What is authenticated but not encrypted. JSON keeps the parts apart whatever they contain. */
function additionalData(derived: DerivedKey, owner: CredentialOwner): Buffer {
  return Buffer.from(JSON.stringify(['ultracore', 'v1', derived.keyId, derived.check, owner.tenantId, owner.role]), 'utf8');
}

function seal(derived: DerivedKey, owner: CredentialOwner, password: string): string {
  if (password === '') throw new CredentialError('unsupported_password', 'An empty password is not a credential.');
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, derived.key, nonce);
  cipher.setAAD(additionalData(derived, owner));
  const ciphertext = Buffer.concat([cipher.update(password, 'utf8'), cipher.final()]);
  return formatEnvelope({ keyId: derived.keyId, check: derived.check, nonce, ciphertext, tag: cipher.getAuthTag() });
}

function open(derived: DerivedKey, owner: CredentialOwner, envelope: Envelope): string {
  const decipher = createDecipheriv(ALGORITHM, derived.key, envelope.nonce);
  decipher.setAAD(additionalData(derived, owner));
  decipher.setAuthTag(envelope.tag);
  try {
    return Buffer.concat([decipher.update(envelope.ciphertext), decipher.final()]).toString('utf8');
  } catch (cause) {
    throw new CredentialError('tampered', 'The credential was changed, or belongs to another tenant or role.', { cause });
  }
}
