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

/** The password itself, or where it is asked for when it is needed. */
export type PasswordSource = string | (() => Promise<string>);

interface ScramKeys {
  readonly clientKey: Buffer;
  readonly serverKey: Buffer;
}

/**
 * The keys of one user's last login that succeeded, so that the next one costs no derivation (4,096 rounds or more) and asks for no password. They are
 * good for one salt and number of rounds, which the server draws anew with each change of the password; and they let one in as the password would:
 * whoever keeps them calls `forget` when the password is no longer to be used.
 */
export class ScramMemory {
  #challenge: string | undefined = undefined;
  #keys: ScramKeys | undefined = undefined;

  find(challenge: string): ScramKeys | undefined {
    return challenge === this.#challenge ? this.#keys : undefined;
  }

  keep(challenge: string, keys: ScramKeys): void {
    this.#challenge = challenge;
    this.#keys = keys;
  }

  forget(): void {
    this.#challenge = undefined;
    this.#keys = undefined;
  }
}

/** Postgres takes the user from the startup message and ignores the name in here. */
export function createScramLogin(
  password: PasswordSource,
  nonce: string = randomBytes(18).toString('base64'),
  user = '',
  memory?: ScramMemory,
  passwordTimeoutMs = 5_000,
): ScramLogin {
  const firstBare = `n=${user},r=${nonce}`;
  let expected: Buffer | undefined;
  let proven = (): void => {};
  return {
    firstMessage: `${GS2_HEADER}${firstBare}`,
    async answer(serverFirst) {
      const challenge = readChallenge(serverFirst, nonce);
      const name = `${challenge.iterations} ${challenge.salt.toString('base64')}`;
      const keys = memory?.find(name) ?? (await deriveKeys(password, passwordTimeoutMs, challenge));
      const { clientKey, serverKey } = keys;
      proven = () => memory?.keep(name, keys);
      const storedKey = createHash('sha256').update(clientKey).digest();
      const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${challenge.nonce}`;
      const authMessage = `${firstBare},${serverFirst},${withoutProof}`;
      const signature = hmac(storedKey, authMessage);
      const proof = Buffer.from(clientKey.map((byte, index) => byte ^ (signature[index] ?? 0)));
      expected = hmac(serverKey, authMessage);
      return `${withoutProof},p=${proof.toString('base64')}`;
    },
    verify(serverFinal) {
      const signature = Buffer.from(/^v=([A-Za-z0-9+/]+=*)(?:,|$)/.exec(serverFinal)?.[1] ?? '', 'base64');
      if (expected === undefined || signature.length !== expected.length || !timingSafeEqual(signature, expected)) {
        throw new WireError('protocol_violation', 'the server could not prove that it knows the password');
      }
      proven();
    },
  };
}

async function deriveKeys(source: PasswordSource, timeoutMs: number, { salt, iterations }: Challenge): Promise<ScramKeys> {
  const password = typeof source === 'string' ? source : await askFor(source, timeoutMs);
  const salted = await derive(normalized(password), salt, iterations, 32, 'sha256');
  return { clientKey: hmac(salted, 'Client Key'), serverKey: hmac(salted, 'Server Key') };
}

/** That the password cannot be had concerns this login, not the server. */
async function askFor(source: () => Promise<string>, timeoutMs: number): Promise<string> {
  const overdue = Promise.withResolvers<never>();
  const timer = setTimeout(() => overdue.reject(new Error(`the password was not there within ${timeoutMs} ms`)), timeoutMs);
  try {
    return await Promise.race([source(), overdue.promise]);
  } catch (error) {
    throw new WireError('login_failed', error instanceof Error ? error.message : String(error), { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

interface Challenge {
  readonly nonce: string;
  readonly salt: Buffer;
  readonly iterations: number;
}

function readChallenge(serverFirst: string, nonce: string): Challenge {
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
