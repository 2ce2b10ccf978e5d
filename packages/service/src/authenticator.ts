import { createRemoteJWKSet, errors, jwtVerify, type JWTPayload } from 'jose';
import { ProblemError } from './problem.ts';
import { RememberedTokens } from './remembered-tokens.ts';

export const ROLES = ['operator', 'auditor', 'creator'] as const;
export type Role = (typeof ROLES)[number];

/** Who is calling, as proven by the token. */
export interface Principal {
  readonly subject: string;
  /** Absent when the issuer says anything but that the address was verified; one that says nothing is believed. */
  readonly email?: string;
  /** An address that the token names and does not prove: it gives no right, but what was taken from it stays taken. */
  readonly unprovenEmail?: string;
  readonly roles: readonly Role[];
  /** The tenant whose user this is, where the token names one. */
  readonly tenantId?: string;
  /** The token was issued for reading only, whatever its subject may do otherwise. */
  readonly readonly?: true;
  /** When the token was issued, in seconds since 1970, where it names a tenant and says so. */
  readonly issuedAt?: number;
}

export interface AuthenticatorOptions {
  issuer: string;
  audience: string;
  /** Where the issuer publishes its keys. Asked at the first token and when an unknown key appears, never at start. */
  jwksUrl: string;
  /** So many tokens in use are all remembered; default 20,000. Memory is taken for twice as many at most. */
  rememberedTokens?: number;
}

export interface Authenticator {
  /**
   * The principal behind an `authorization` header. Throws a `ProblemError`: 401 `token_missing`, `token_invalid`,
   * `token_expired`, or 503 `keys_unavailable` when the issuer's keys cannot be fetched.
   */
  authenticate(authorization: string | undefined): Promise<Principal>;
  /** The principal behind a header that was checked before, for as long as that check holds; undefined says only that it must be checked. */
  recall(authorization: string): Principal | undefined;
}

const ALGORITHMS = ['ES256', 'EdDSA', 'RS256'];
const CLOCK_TOLERANCE_SECONDS = 5;
const MAX_TOKEN_LENGTH = 8192;
/** Both caches together: a key that the issuer withdrew stops working after twice this time at the latest. */
const CACHE_MS = 5 * 60_000;
const REMEMBERED_TOKENS = 20_000;

/**
 * Checks bearer JWTs: signature by a key of the issuer, with one of three pinned algorithms; issuer; audience; expiry. A token
 * that passed is remembered until it expires, five minutes at most, so that the signature is not computed on every request.
 */
export function createAuthenticator({
  issuer,
  audience,
  jwksUrl,
  rememberedTokens = REMEMBERED_TOKENS,
}: AuthenticatorOptions): Authenticator {
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    timeoutDuration: 5000,
    cooldownDuration: 10_000,
    cacheMaxAge: CACHE_MS,
  });
  const remembered = new RememberedTokens(rememberedTokens);

  return {
    recall: (authorization) => (authorization.startsWith('Bearer ') ? remembered.find(authorization.slice(7)) : undefined),
    async authenticate(authorization) {
      const token = bearerToken(authorization);
      const known = remembered.find(token);
      if (known) return known;
      const payload = await verify(token, async () => {
        const options = {
          issuer,
          audience,
          algorithms: ALGORITHMS,
          clockTolerance: CLOCK_TOLERANCE_SECONDS,
          requiredClaims: ['sub', 'exp'],
        };
        return (await jwtVerify(token, keys, options)).payload;
      });
      const principal = principalOf(payload);
      remembered.add(token, principal, Math.min((payload.exp ?? 0) * 1000, Date.now() + CACHE_MS));
      return principal;
    },
  };
}

function bearerToken(authorization: string | undefined): string {
  if (authorization === undefined || authorization === '') {
    throw unauthenticated('token_missing', 'This request needs an `authorization: Bearer <token>` header.');
  }
  const token = /^bearer +(\S+)$/i.exec(authorization)?.[1];
  if (token === undefined || token.length > MAX_TOKEN_LENGTH) {
    throw unauthenticated('token_invalid', 'The authorization header does not hold one bearer token of acceptable length.');
  }
  return token;
}

async function verify(token: string, check: () => Promise<JWTPayload>): Promise<JWTPayload> {
  try {
    return await check();
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw unauthenticated('token_expired', 'The token has expired.', error);
    if (error instanceof errors.JWTClaimValidationFailed) {
      throw unauthenticated('token_invalid', `The claim \`${error.claim}\` of the token is not acceptable here.`, error);
    }
    if (isFaultOfToken(error))
      throw unauthenticated('token_invalid', 'The token is malformed or was not signed by a key of the issuer.', error);
    throw new ProblemError({
      status: 503,
      code: 'keys_unavailable',
      detail: 'The keys that tokens are checked with cannot be fetched at the moment. Try again shortly.',
      headers: { 'retry-after': '5' },
      cause: error,
    });
  }
}

/** Everything else is the issuer being unreachable or answering something that is not a key set. */
function isFaultOfToken(error: unknown): boolean {
  return (
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  );
}

function unauthenticated(code: string, detail: string, cause?: unknown): ProblemError {
  return new ProblemError({
    status: 401,
    code,
    detail,
    headers: { 'www-authenticate': code === 'token_missing' ? 'Bearer' : 'Bearer error="invalid_token"' },
    cause,
  });
}

/**
 * Claims: `sub`, `email`, `email_verified`, `roles` (unknown ones are left out), `tenant_id`, `iat`, `access`. The last only narrows: whatever it
 * says but `readwrite` is `readonly`.
 */
function principalOf(payload: JWTPayload): Principal {
  const { sub, email, email_verified: emailVerified, roles, tenant_id: tenantId, access, iat } = payload;
  if (typeof sub !== 'string' || sub === '')
    throw unauthenticated('token_invalid', 'The claim `sub` of the token is not acceptable here.');
  const named: unknown[] = Array.isArray(roles) ? roles : [];
  // Some issuers write the claim as a text.
  const isProven = [undefined, true, 'true'].some((said) => said === emailVerified);
  return Object.freeze({
    subject: sub,
    roles: Object.freeze(ROLES.filter((role) => named.includes(role))),
    ...(typeof email === 'string' ? { [isProven ? 'email' : 'unprovenEmail']: email } : {}),
    ...(typeof tenantId === 'string' ? { tenantId, ...(typeof iat === 'number' ? { issuedAt: iat } : {}) } : {}),
    ...(access === undefined || access === 'readwrite' ? {} : { readonly: true as const }),
  });
}
