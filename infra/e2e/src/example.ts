import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { localEnvironment, startIdentityProvider } from '@ultracore/example-portfolios/local';
import { issueTenantToken, ROOT, stackFile } from '@ultracore/local';
import { freePort, spawnProcess, waitFor } from '@ultracore/testkit';
import type { Answer } from './api.ts';
import { read } from './gateway.ts';
import { loginOf } from './homes.ts';
import type { Platform, RunningService } from './platform.ts';
import { forgetGroup } from './topics.ts';

export interface ExampleOptions {
  readonly gateway: Pick<RunningService, 'url'>;
  /** The consumer group. Kafka lets the example use names that begin with its principal's. */
  readonly group: string;
  /** Instead of the gateway: these tenants, with connections of its own. */
  readonly withLoginsOf?: readonly string[];
}

export interface CallOptions {
  readonly body?: unknown;
  readonly readonly?: boolean;
  /** Instead of one that names the tenant: then the header does. */
  readonly token?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Example extends AsyncDisposable {
  readonly url: string;
  /** As somebody of a tenant. */
  call(tenantId: string, path: string, options?: CallOptions): Promise<Answer>;
  output(): string;
}

/** The example service as a process of its own, beside an identity provider that gives it tokens. */
export async function startExample(platform: Platform, options: ExampleOptions): Promise<Example> {
  const { stack, secrets, jwt } = platform;
  const identity = await startIdentityProvider((tenantId, subject) => issueTenantToken(secrets, { tenantId, subject }));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const service = await spawnProcess(['node', 'examples/portfolios/src/main.ts'], {
    cwd: ROOT,
    env: {
      ...localEnvironment({ stack, identity, gatewayUrl: options.gateway.url, jwt, port }),
      KAFKA_GROUP: options.group,
      ...(options.withLoginsOf === undefined ? {} : { TENANT_LOGINS: await loginsOf(platform, options.withLoginsOf) }),
    },
  });
  await waitFor(async () => (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok || !service.isAlive(), {
    what: `the example to be ready (log ${service.logFile})`,
    deadlineMs: 60_000,
  });
  return {
    url,
    output: () => service.output(),
    async call(tenantId, path, { body, readonly = false, headers, token } = {}) {
      const bearer = token ?? (await platform.tenantToken({ tenantId, readonly }));
      const response = await fetch(new URL(path, url), {
        method: body === undefined ? 'GET' : 'POST',
        headers: {
          authorization: `Bearer ${bearer}`,
          ...(token === undefined ? {} : { 'x-ultracore-tenant-id': tenantId }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return read(response);
    },
    async [Symbol.asyncDispose]() {
      await service.stop();
      await identity.close();
      await forgetGroup(stack, options.group);
    },
  };
}

/**
 * What `npm run example` runs, beside a stack as `npm start` leaves it in a data directory. Stopped, it takes the service with it.
 */
export async function startExampleLocally(platform: Platform, gateway: Pick<RunningService, 'url'>) {
  const { stack, jwt } = platform;
  const dataDir = mkdtempSync(join(tmpdir(), 'ultracore-example-'));
  copyFileSync(join(stack.data_dir, 'secrets.json'), join(dataDir, 'secrets.json'));
  const running = {
    ...stack,
    data_dir: dataDir,
    edge_url: gateway.url,
    jwt: { issuer: jwt.issuer, audience: jwt.audience, jwks_url: jwt.jwksUrl },
  };
  writeFileSync(stackFile(dataDir), JSON.stringify(running));
  const port = await freePort();
  const argv = ['node', 'examples/portfolios/src/local/start.ts', '--data-dir', dataDir, '--port', String(port)] as const;
  const started = await spawnProcess([...argv], { cwd: ROOT });
  return {
    started,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await started.stop();
      rmSync(dataDir, { recursive: true });
    },
  };
}

async function loginsOf({ stack }: Platform, tenantIds: readonly string[]): Promise<string> {
  const urlOf = async (tenantId: string, mode: 'readwrite' | 'readonly'): Promise<string> => {
    const { database, user, password } = await loginOf(stack, tenantId, mode);
    return `postgres://${user}:${encodeURIComponent(password)}@${stack.postgres?.host}:${stack.postgres?.port}/${database}`;
  };
  const logins = await Promise.all(
    tenantIds.map(async (id) => [id, { url: await urlOf(id, 'readwrite'), readonly_url: await urlOf(id, 'readonly') }] as const),
  );
  return JSON.stringify(Object.fromEntries(logins));
}
