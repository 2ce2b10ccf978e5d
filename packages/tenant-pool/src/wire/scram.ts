import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';

import { WireError } from './errors.ts';

const derive = promisify(pbkdf2);

export const SCRAM_MECHANISM = 'SCRAM-SHA-256';
/** RFC 7677: fewer rounds would let a false server have passwords guessed cheaply. */
const MIN_ITERATIONS = 4096;
/** More would let a false server keep this process busy. */
const MAX_ITERATIONS = 10_000_000;
/** No channel binding. */
const GS2_HEADER = 'n,,';
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/;

/** One login by SCRAM-SHA-256 (RFC 5802, RFC 7677), without I/O. Every refusal is a WireError. */
export interface ScramLogin {
  readonly firstMessage: string;
  /** The answer to server-first-message. */
  answer(serverFirst: string): Promise<string>;
  /** Checks by server-final-message that the server knows the password's verifier; throws `protocol_violation` when it does not. */
  verify(serverFinal: string): void;
}

/** Postgres takes the user from the startup message and ignores the name in here. */
export function createScramLogin(password: string, nonce: string = randomBytes(18).toString('base64'), user = ''): ScramLogin {
  const firstBare = `n=${user},r=${nonce}`;
  let expected: Buffer | undefined;
  return {
    firstMessage: `${GS2_HEADER}${firstBare}`,
    async answer(serverFirst) {
      const challenge = readChallenge(serverFirst, nonce);
      const salted = await derive(normalized(password), challenge.salt, challenge.iterations, 32, 'sha256');
      const clientKey = hmac(salted, 'Client Key');
      const storedKey = createHash('sha256').update(clientKey).digest();
      const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${challenge.nonce}`;
      const authMessage = `${firstBare},${serverFirst},${withoutProof}`;
      const signature = hmac(storedKey, authMessage);
      const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
      expected = hmac(hmac(salted, 'Server Key'), authMessage);
      return `${withoutProof},p=${proof.toString('base64')}`;
    },
    verify(serverFinal) {
      const signature = Buffer.from(/^v=([A-Za-z0-9+/]+=*)(?:,|$)/.exec(serverFinal)?.[1] ?? '', 'base64');
      if (expected === undefined || signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
        throw new WireError('protocol_violation', 'the server could not prove that it knows the password');
      }
    },
  };
}

function readChallenge(serverFirst: string, nonce: string): { nonce: string; salt: Buffer; iterations: number } {
  const match = /^r=([^,]+),s=([A-Za-z0-9+/]+=*),i=([1-9][0-9]{0,9})(?:,|$)/.exec(serverFirst);
  const [, serverNonce = '', salt = '', rounds = ''] = match ?? [];
  if (!match || !serverNonce.startsWith(nonce) || serverNonce.length === nonce.length) {
    throw new WireError('protocol_violation', 'the server’s challenge cannot be read, or does not answer ours');
  }
  const iterations = Number(rounds);
  if (iterations < MIN_ITERATIONS || iterations > MAX_ITERATIONS) {
    throw new WireError(
      'auth_unsupported',
      `the server asks for ${iterations} rounds; between ${MIN_ITERATIONS} and ${MAX_ITERATIONS} are accepted`,
    );
  }
  return { nonce: serverNonce, salt: Buffer.from(salt, 'base64'), iterations };
}

/** What SASLprep makes of the usual passwords: printable ASCII stays as it is. */
const normalized = (password: string): string => (PRINTABLE_ASCII.test(password) ? password : password.normalize('NFKC'));

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
