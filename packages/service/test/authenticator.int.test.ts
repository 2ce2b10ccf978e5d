import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAuthenticator } from '../src/index.ts';

type KeyPair = Awaited<ReturnType<typeof generateKeyPair>>;

const issuer = 'https://issuer.example';
const audience = 'ultracore';
const algorithms = ['ES256', 'EdDSA', 'RS256'] as const;
const keys = new Map<string, KeyPair>();
let server: Server;
let jwksUrl: string;
let fetches = 0;

beforeAll(async () => {
  for (const algorithm of [...algorithms, 'ES384']) keys.set(algorithm, await generateKeyPair(algorithm, { extractable: true }));
  const jwks = await Promise.all([...keys].map(async ([kid, pair]) => ({ ...(await exportJWK(pair.publicKey)), kid })));
  server = createServer((_request, response) => {
    fetches += 1;
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: jwks }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  jwksUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/jwks`;
});
afterAll(() => server.close());

async function token(
  claims: JWTPayload = {},
  {
    alg = 'ES256',
    key = keys.get(alg),
    expires = '5m',
    issuedAt,
  }: { alg?: string; key?: KeyPair | undefined; expires?: string | number; issuedAt?: number } = {},
): Promise<string> {
  if (!key) throw new Error(`no key for ${alg}`);
  const payload = { sub: 'ops', iss: issuer, aud: audience, roles: ['operator', 'king'], ...claims };
  return new SignJWT(payload)
    .setProtectedHeader({ alg, kid: alg })
    .setIssuedAt(issuedAt)
    .setExpirationTime(expires)
    .sign(key.privateKey);
}

function authenticator(url = jwksUrl) {
  return createAuthenticator({ issuer, audience, jwksUrl: url });
}

describe('createAuthenticator', () => {
  it.each(algorithms)('accepts a token of the issuer signed with %s', async (alg) => {
    const principal = await authenticator().authenticate(
      `Bearer ${await token({ email: 'a@b.ch', tenant_id: 'acme' }, { alg })}`,
    );
    const issuedAt = expect.any(Number);
    expect(principal).toEqual({ subject: 'ops', email: 'a@b.ch', roles: ['operator'], tenantId: 'acme', issuedAt });
  });

  it('says when a token was issued that names a tenant', async () => {
    const iat = Math.floor(Date.now() / 1000) - 60;
    const principal = await authenticator().authenticate(`Bearer ${await token({ tenant_id: 'acme' }, { issuedAt: iat })}`);
    expect(principal).toMatchObject({ tenantId: 'acme', issuedAt: iat });
  });

  it.each([false, 'false', null, 0])('takes an address of which the issuer says email_verified %j for no proof', async (said) => {
    const principal = await authenticator().authenticate(`Bearer ${await token({ email: 'a@b.ch', email_verified: said })}`);
    expect(principal).toEqual({ subject: 'ops', unprovenEmail: 'a@b.ch', roles: ['operator'] });
  });

  it.each([true, 'true'])('believes an address of which the issuer says email_verified %j', async (said) => {
    const principal = await authenticator().authenticate(`Bearer ${await token({ email: 'a@b.ch', email_verified: said })}`);
    expect(principal).toMatchObject({ email: 'a@b.ch' });
  });

  it.each([
    ['readwrite', {}],
    ['readonly', { readonly: true }],
    ['anything', { readonly: true }],
    [null, { readonly: true }],
  ])('takes the claim access %j for no more than it says', async (access, narrowed) => {
    const principal = await authenticator().authenticate(`Bearer ${await token({ access })}`);
    expect(principal).toEqual({ subject: 'ops', roles: ['operator'], ...narrowed });
  });

  it('fetches the keys at the first token, not before and not for every one', async () => {
    fetches = 0;
    const checked = authenticator();
    expect(fetches).toBe(0);
    const [one, two] = [await token(), await token({ sub: 'other' })];
    await Promise.all([one, two, one].map((each) => checked.authenticate(`Bearer ${each}`)));
    expect(fetches).toBe(1);
  });

  it.each([
    ['another issuer', () => token({ iss: 'https://evil.example' }), 'token_invalid'],
    ['another audience', () => token({ aud: 'other' }), 'token_invalid'],
    ['no subject', () => token({ sub: '' }), 'token_invalid'],
    ['an end in the past', () => token({}, { expires: 1 }), 'token_expired'],
    ['an algorithm that is not pinned', () => token({}, { alg: 'ES384' }), 'token_invalid'],
    ['a changed signature', async () => `${(await token()).slice(0, -6)}AAAAAA`, 'token_invalid'],
    [
      'no signature',
      async () => `${btoa('{"alg":"none"}')}.${btoa(JSON.stringify({ sub: 'ops', iss: issuer, aud: audience, exp: 9e9 }))}.`,
      'token_invalid',
    ],
    ['nothing of a token', async () => 'abc', 'token_invalid'],
  ])('refuses a token with %s', async (_title, make, code) => {
    await expect(authenticator().authenticate(`Bearer ${await make()}`)).rejects.toMatchObject({ status: 401, code });
  });

  it("refuses a token signed by a key that only claims to be the issuer's", async () => {
    const forged = await token({}, { key: await generateKeyPair('ES256') });
    await expect(authenticator().authenticate(`Bearer ${forged}`)).rejects.toMatchObject({ code: 'token_invalid' });
  });

  it.each([undefined, '', 'Basic abc', 'Bearer', 'Bearer a b'])('refuses the header %j', async (header) => {
    await expect(authenticator().authenticate(header)).rejects.toMatchObject({
      status: 401,
      headers: { 'www-authenticate': expect.stringMatching(/^Bearer/) },
    });
  });

  it('does not believe a remembered token past its end', async () => {
    const checked = authenticator();
    const short = await token({}, { expires: Math.floor(Date.now() / 1000) - 4 });
    await expect(checked.authenticate(`Bearer ${short}`)).resolves.toMatchObject({ subject: 'ops' });
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 2100);
    await promise;
    await expect(checked.authenticate(`Bearer ${short}`)).rejects.toMatchObject({ code: 'token_expired' });
  });

  it('says 503, not 401, when the keys cannot be fetched', async () => {
    await expect(authenticator('http://127.0.0.1:9/jwks').authenticate(`Bearer ${await token()}`)).rejects.toMatchObject({
      status: 503,
      code: 'keys_unavailable',
    });
  });

  it('answers for a known token without checking its signature again', async () => {
    const checked = authenticator();
    const header = `Bearer ${await token()}`;
    await checked.authenticate(header);
    const verify = vi.spyOn(crypto.subtle, 'verify');
    for (let index = 0; index < 100; index += 1) await checked.authenticate(header);
    await authenticator().authenticate(header);
    // The one that does not know the token shows that a check would have been seen.
    expect(verify).toHaveBeenCalledTimes(1);
    verify.mockRestore();
  });

  it('remembers all of thousands of tokens that are in use at the same time', async () => {
    const checked = authenticator();
    const tokens = await Promise.all(Array.from({ length: 2500 }, (_, n) => token({ sub: `user-${n}` }, { alg: 'EdDSA' })));
    await Promise.all(tokens.map((each) => checked.authenticate(`Bearer ${each}`)));
    expect(tokens.filter((each) => checked.recall(`Bearer ${each}`) === undefined)).toEqual([]);
  });

  it('remembers so many tokens in use as it is told, and forgets others for them', async () => {
    const checked = createAuthenticator({ issuer, audience, jwksUrl, rememberedTokens: 2 });
    const [busy = '', ...others] = await Promise.all(
      Array.from({ length: 9 }, async (_, n) => `Bearer ${await token({ sub: `user-${n}` }, { alg: 'EdDSA' })}`),
    );
    await checked.authenticate(busy);
    for (const other of others) {
      await checked.authenticate(other);
      expect(checked.recall(busy)?.subject).toBe('user-0');
    }
    expect(others.filter((other) => checked.recall(other) !== undefined).length).toBeLessThan(4);
  });
});
