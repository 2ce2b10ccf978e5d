import { importJWK, type JWK, SignJWT } from 'jose';
import type { Secrets } from './secrets.ts';
import { JWT_AUDIENCE, JWT_ISSUER } from './services.ts';
import type { Stack } from './stack-file.ts';

const LIFETIME = '30d';

/** The public half of the data directory's signing key, as a JWKS. */
export function jwksOf(secrets: Secrets): { keys: JWK[] } {
  const { d: _private, ...publicJwk } = secrets.jwt_private_jwk;
  return { keys: [publicJwk] };
}

/** One token for each role that the API knows; valid for 30 days and made anew at every start. */
export async function issueTokens(secrets: Secrets): Promise<NonNullable<Stack['tokens']>> {
  const jwk: JWK = secrets.jwt_private_jwk;
  const key = await importJWK(jwk, 'ES256');
  const issue = (role: string, email: string) =>
    new SignJWT({ roles: [role], email, email_verified: true })
      .setProtectedHeader({ alg: 'ES256', kid: jwk.kid ?? '', typ: 'JWT' })
      .setSubject(`local-${role}`)
      .setIssuer(JWT_ISSUER)
      .setAudience(JWT_AUDIENCE)
      .setIssuedAt()
      .setExpirationTime(LIFETIME)
      .sign(key);
  return {
    operator: await issue('operator', 'operator@ultracore.local'),
    auditor: await issue('auditor', 'auditor@ultracore.local'),
    creator: await issue('creator', 'creator@ultracore.local'),
  };
}
