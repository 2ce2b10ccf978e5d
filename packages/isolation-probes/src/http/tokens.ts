import { createHmac, createPublicKey, generateKeyPairSync, type JsonWebKey, sign } from 'node:crypto';
import type { TokenKind } from './http-probe.ts';

type Claims = Readonly<Record<string, unknown>>;

/** What tokens are made from. Where a part is missing, the probes that need it are left out. */
export interface TokenSource {
  readonly issuer: string;
  readonly audience: string;
  /** Valid tokens of the attacker, and of the platform's roles. */
  readonly own: string;
  readonly ownReadOnly?: string | undefined;
  readonly operator?: string | undefined;
  readonly auditor?: string | undefined;
  readonly creator?: string | undefined;
  /** Signs claims as the issuer does: for tokens that are genuine and yet no good. */
  readonly sign?: ((claims: Claims) => Promise<string>) | undefined;
  /** The key that tokens are checked with. */
  readonly publicJwk?: JsonWebKey | undefined;
}

const HOUR = 3600;

/** The token of each kind, or undefined where it cannot be made. `tenant` is whom the forged ones claim to be. */
export function createTokens(source: TokenSource, tenant: string): (kind: TokenKind) => Promise<string | undefined> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { sub: 'intruder', tenant_id: tenant, iss: source.issuer, aud: source.audience, iat: now, exp: now + HOUR };
  const genuine = async (changed: Claims): Promise<string | undefined> => source.sign?.({ ...claims, ...changed });
  const kid = headerOf(source.own)['kid'];
  const make: Readonly<Record<TokenKind, () => Promise<string | undefined>>> = {
    none: async () => undefined,
    own: async () => source.own,
    'own-read-only': async () => source.ownReadOnly,
    operator: async () => source.operator,
    auditor: async () => source.auditor,
    creator: async () => source.creator,
    stranger: () => genuine({ tenant_id: undefined }),
    garbage: async () => 'e30.e30.e30',
    empty: async () => '',
    expired: () => genuine({ iat: now - 2 * HOUR, exp: now - HOUR }),
    'not-yet-valid': () => genuine({ nbf: now + HOUR }),
    'without-expiry': () => genuine({ exp: undefined }),
    'without-subject': () => genuine({ sub: undefined }),
    'several-tenants': () => genuine({ tenant_id: [tenant, tenant] }),
    'wrong-audience': () => genuine({ aud: 'somebody-else' }),
    'wrong-issuer': () => genuine({ iss: 'https://issuer.example' }),
    unsigned: async () => `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`,
    'unsigned-spelt': async () => `${encode({ alg: 'nOnE', typ: 'JWT', kid })}.${encode(claims)}.${encode({})}`,
    'wrong-key': async () => selfSigned({ kid }, claims),
    'own-key-in-header': async () => selfSigned({ kid, jwk: OWN_KEY.publicKey.export({ format: 'jwk' }) }, claims),
    'key-by-address': async () => selfSigned({ kid, jku: 'http://127.0.0.1:9/jwks.json', x5u: 'http://127.0.0.1:9/' }, claims),
    'key-id-of-a-file': async () => selfSigned({ kid: '../../../../dev/null' }, claims),
    symmetric: async () => (source.publicJwk === undefined ? undefined : symmetric(source.publicJwk, claims)),
    tampered: async () => tampered(source.own, { tenant_id: tenant }),
  };
  return (kind) => make[kind]();
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const OWN_KEY = generateKeyPairSync('ec', { namedCurve: 'P-256' });

function selfSigned(header: object, claims: Claims): string {
  const signed = `${encode({ alg: 'ES256', typ: 'JWT', ...header })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(signed), { key: OWN_KEY.privateKey, dsaEncoding: 'ieee-p1363' });
  return `${signed}.${signature.toString('base64url')}`;
}

/** RFC 8725, 3.1: a verifier that takes the algorithm from the token would take the public key for the secret. */
function symmetric(publicJwk: JsonWebKey, claims: Claims): string {
  const pem = createPublicKey({ key: publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' });
  const signed = `${encode({ alg: 'HS256', typ: 'JWT', kid: publicJwk['kid'] })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`;
}

function tampered(token: string, changed: Claims): string {
  const [header = '', , signature = ''] = token.split('.');
  return `${header}.${encode({ ...decode(token.split('.')[1]), ...changed })}.${signature}`;
}

const headerOf = (token: string): Record<string, unknown> => decode(token.split('.')[0]);

function decode(part: string | undefined): Record<string, unknown> {
  const value: unknown = JSON.parse(Buffer.from(part ?? 'e30', 'base64url').toString());
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
