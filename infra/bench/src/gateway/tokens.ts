import { createServer } from 'node:http';
import { once } from 'node:events';
import { freePort } from '@ultracore/local';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** The bench as issuer of tokens: its key set over HTTP, and tokens of tenants. */
export interface Issuer extends AsyncDisposable {
  readonly issuer: string;
  readonly audience: string;
  readonly jwksUrl: string;
  /** A product team's service token: everything of this tenant. */
  tokenOf(tenantId: string): Promise<string>;
}

export async function startIssuer(): Promise<Issuer> {
  const { publicKey, privateKey } = await generateKeyPair('ES256');
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' }] });
  const port = await freePort();
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(keys);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const [issuer, audience] = ['ultracore-bench', 'ultracore'];
  return {
    issuer,
    audience,
    jwksUrl: `http://127.0.0.1:${port}/jwks.json`,
    tokenOf: (tenantId) =>
      new SignJWT({ tenant_id: tenantId, roles: [] })
        .setProtectedHeader({ alg: 'ES256', kid: 'bench', typ: 'JWT' })
        .setSubject(`service-of-${tenantId}`)
        .setIssuer(issuer)
        .setAudience(audience)
        .setIssuedAt()
        .setExpirationTime('24h')
        .sign(privateKey),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}
