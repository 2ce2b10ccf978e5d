import { importJWK, type JWK, type JWTPayload, SignJWT } from 'jose';
import type { Secrets } from './secrets.ts';
import { JWT_AUDIENCE, JWT_ISSUER } from './services.ts';
import type { Stack } from './stack-file.ts';

const LIFETIME_SECONDS = 30 * 24 * 60 * 60;

/** The public half of the data directory's signing key, as a JWKS. */
export function jwksOf(secrets: Secrets): { keys: JWK[] } {
  const { d: _private, ...publicJwk } = secrets.jwt_private_jwk;
  return { keys: [publicJwk] };
}

/** One token for each role that the API knows; valid for 30 days and made anew at every start. */
export async function issueTokens(secrets: Secrets): Promise<NonNullable<Stack['tokens']>> {
  const issue = (role: string, email: string) =>
    signToken(secrets, { subject: `local-${role}`, claims: { roles: [role], email, email_verified: true } });
  return {
    operator: await issue('operator', 'operator@ultracore.local'),
    auditor: await issue('auditor', 'auditor@ultracore.local'),
    creator: await issue('creator', 'creator@ultracore.local'),
  };
}

export interface TenantToken {
  readonly tenantId: string;
  readonly readonly?: boolean;
  /** Who it is for: a subject that the tenant's grants may name. Default: a service of the tenant. */
  readonly subject?: string | undefined;
}

/** A token for the SQL of one tenant, as a product team's service would be issued it; valid for 30 days. */
export function issueTenantToken(secrets: Secrets, { tenantId, readonly, subject }: TenantToken): Promise<string> {
  const claims = { tenant_id: tenantId, ...(readonly === true ? { access: 'readonly' } : {}) };
  return signToken(secrets, { subject: subject ?? `service-of-${tenantId}`, claims });
}

/** A token of the stack's issuer; valid for 30 days. */
export async function signToken(secrets: Secrets, { subject, claims }: { subject: string; claims: JWTPayload }): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return signClaims(secrets, {
    ...claims,
    sub: subject,
    iss: JWT_ISSUER,
    aud: JWT_AUDIENCE,
    iat: now,
    exp: now + LIFETIME_SECONDS,
  });
}

/** Signs exactly these claims, as the issuer's own key does: also what the issuer never would. */
export async function signClaims(secrets: Secrets, claims: JWTPayload): Promise<string> {
  const jwk: JWK = secrets.jwt_private_jwk;
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: jwk.kid ?? '', typ: 'JWT' })
    .sign(await importJWK(jwk, 'ES256'));
}
