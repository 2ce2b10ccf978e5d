import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@ultracore/local';
import { startChild, untilChildReady } from '../../frame/child.ts';
import type { BenchTenant } from '../homes.ts';
import type { BenchServer } from '../server.ts';
import type { Issuer } from '../tokens.ts';
import type { Contender } from './contender.ts';
import type { PlainSettings } from './plain-service.ts';

/** As PgBouncer has for each login. */
const CONNECTIONS_PER_TENANT = 8;

export interface PlainOptions {
  directory: string;
  server: BenchServer;
  issuer: Issuer;
  tenants: readonly BenchTenant[];
  inspect: boolean;
  connectionsPerTenant?: number;
}

/** The plain service in a process of its own, before the bench's Postgres by its unix socket. */
export async function startPlain({
  directory,
  server,
  issuer,
  tenants,
  inspect,
  connectionsPerTenant = CONNECTIONS_PER_TENANT,
}: PlainOptions): Promise<Contender> {
  const port = await freePort();
  const inspectorPort = inspect ? await freePort() : undefined;
  const settings: PlainSettings = {
    port,
    issuer: issuer.issuer,
    audience: issuer.audience,
    jwksUrl: issuer.jwksUrl,
    host: server.socketDirectory,
    postgresPort: server.port,
    connectionsPerTenant,
    tenants: tenants.map(({ home, names, passwords }) => ({
      tenantId: home.tenantId,
      user: names.role,
      password: passwords.readWrite,
      database: names.database,
    })),
  };
  const file = join(directory, 'plain-service.json');
  writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
  const child = await startChild({
    name: 'plain service',
    command: process.execPath,
    args: [
      ...(inspectorPort === undefined ? [] : [`--inspect=127.0.0.1:${inspectorPort}`]),
      fileURLToPath(new URL('plain-service.ts', import.meta.url)),
      file,
    ],
    env: { NODE_ENV: 'production' },
    logFile: join(directory, 'plain-service.log'),
  });
  await untilChildReady(child, 'The plain service', () => answers(`http://127.0.0.1:${port}/readyz`), 30_000);
  return {
    name: 'plain',
    pid: child.pid,
    owns: (applicationName) => applicationName === 'plain service',
    inspectorPort,
    target: { protocol: 'http', host: '127.0.0.1', port, prepared: true },
    description: `fastify + pg.Pool: one pool a tenant of ${connectionsPerTenant} connections at most, named prepared statements, the same token check and answer`,
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

export async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
