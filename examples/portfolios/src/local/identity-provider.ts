import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { z } from 'zod';

/** Long enough to be kept, short enough that a caller has to ask again. */
const LIFETIME_SECONDS = 600;

export interface IdentityProvider {
  readonly tokenUrl: string;
  readonly clientId: string;
  readonly clientSecret: string;
  close(): Promise<void>;
}

/**
 * Stands in for a company's identity provider on one machine: gives the tokens that `issue` makes, each for one tenant, to the one client it
 * knows (RFC 6749, section 4.4).
 */
export const startIdentityProvider = async (
  issue: (tenantId: string, subject: string) => Promise<string>,
): Promise<IdentityProvider> => {
  const clientId = 'portfolios';
  const clientSecret = randomBytes(24).toString('base64url');
  const expected = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;

  const answer = async (request: IncomingMessage): Promise<{ status: number; body: object }> => {
    if (request.headers.authorization !== expected) return { status: 401, body: { error: 'invalid_client' } };
    const form = new URLSearchParams(await text(request));
    const tenantId = form.get('tenant_id');
    if (form.get('grant_type') !== 'client_credentials' || tenantId === null) {
      return { status: 400, body: { error: 'invalid_request' } };
    }
    const accessToken = await issue(tenantId, `service-${clientId}`);
    return { status: 200, body: { access_token: accessToken, token_type: 'Bearer', expires_in: LIFETIME_SECONDS } };
  };

  const server = createServer((request, response) => {
    const send = ({ status, body }: { status: number; body: object }): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' }).end(JSON.stringify(body));
    };
    answer(request).then(send, () => send({ status: 500, body: { error: 'server_error' } }));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, '127.0.0.1', resolve);
  });
  const { port } = z.object({ port: z.int() }).parse(server.address());
  return {
    tokenUrl: `http://127.0.0.1:${port}/token`,
    clientId,
    clientSecret,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
