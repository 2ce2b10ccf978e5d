import { CredentialError } from './errors.ts';

const VERSION = 'v1';
const CHECK_BYTES = 8;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A key id is a label that fits in an envelope, an event and a file name. */
export const KEY_ID_PATTERN = /^[a-z0-9][a-z0-9_-]{0,31}$/;

/** The parts of `v1.<key_id>.<check>.<nonce>.<ciphertext+tag>`; `ciphertext` without its 16-byte tag. */
export interface Envelope {
  readonly keyId: string;
  readonly check: string;
  readonly nonce: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
}

/** The text form of an envelope: five parts joined by dots, the binary ones in base64url without padding. */
export function formatEnvelope(envelope: Envelope): string {
  const body = Buffer.concat([envelope.ciphertext, envelope.tag]);
  return [VERSION, envelope.keyId, envelope.check, envelope.nonce.toString('base64url'), body.toString('base64url')].join('.');
}

/**
 * Takes an envelope apart.
 * @throws CredentialError `malformed`, also for base64url that is not canonical: a text with stray low bits in its last
 * character would otherwise decode to the same bytes, and two different texts would be one credential.
 */
export function parseEnvelope(sealed: string): Envelope {
  const [version, keyId, check, nonceText, bodyText, ...rest] = sealed.split('.');
  if (version !== VERSION || keyId === undefined || check === undefined || nonceText === undefined || bodyText === undefined) {
    throw malformed('it does not have the five parts of version v1');
  }
  if (rest.length > 0) throw malformed('it has more than five parts');
  if (!KEY_ID_PATTERN.test(keyId)) throw malformed('its key id is impossible');
  if (decodeCanonical(check).length !== CHECK_BYTES) throw malformed('its check is not 8 bytes');
  const nonce = decodeCanonical(nonceText);
  if (nonce.length !== NONCE_BYTES) throw malformed('its nonce is not 12 bytes');
  const body = decodeCanonical(bodyText);
  if (body.length <= TAG_BYTES) throw malformed('its ciphertext is empty');
  return { keyId, check, nonce, ciphertext: body.subarray(0, -TAG_BYTES), tag: body.subarray(-TAG_BYTES) };
}

function decodeCanonical(text: string): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) throw malformed('a part is not canonical base64url');
  return bytes;
}

function malformed(why: string): CredentialError {
  return new CredentialError('malformed', `This is not a sealed credential: ${why}.`);
}
