import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import {
  issueTenantToken,
  issueTokens,
  JWT_AUDIENCE,
  JWT_ISSUER,
  jwksOf,
  loadSecrets,
  readStack,
  ROOT,
  type Secrets,
  serviceEnvironment,
  SERVICES,
  setUpKafka,
  setUpPostgres,
  signToken,
  type Stack,
  type TenantToken,
  type Terminal,
} from '@ultracore/local';
import { freePort, type SpawnedProcess, spawnProcess, testStack, uniqueName, waitFor } from '@ultracore/testkit';
import { createApi, type Api } from './api.ts';
import { shortSession } from './topics.ts';

export type ServiceName = 'registry' | 'provisioning-worker' | 'pool-gateway';

/** A service as its own process, with the URL it listens on. */
export interface RunningService extends SpawnedProcess {
  readonly name: ServiceName;
  readonly url: string;
}

export interface StartOptions {
  /** The boundary at which the process kills itself. */
  readonly crashAt?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** False: do not wait until it is ready, as for a process that must refuse to start. */
  readonly untilReady?: boolean;
}

/** The services of the platform over the shared backends of the test run; tests start, stop and kill them one by one. */
export interface Platform extends AsyncDisposable {
  readonly stack: Stack;
  readonly secrets: Secrets;
  readonly tokens: NonNullable<Stack['tokens']>;
  /** What a service needs to check tokens. */
  readonly jwt: { readonly issuer: string; readonly audience: string; readonly jwksUrl: string };
  start(name: ServiceName, options?: StartOptions): Promise<RunningService>;
  /** Those of a service that were started and have not ended. */
  running(name: ServiceName): RunningService[];
  /** A token for the SQL of a tenant. */
  tenantToken(token: TenantToken): Promise<string>;
  /** A token that names no tenant. */
  userToken(subject: string, claims?: Readonly<Record<string, unknown>>): Promise<string>;
  /** The HTTP API of a registry, the one started last unless given. */
  api(role?: keyof NonNullable<Stack['tokens']>, registry?: RunningService): Api;
  /** Everything that any service of this platform has written to its log. */
  logs(): string;
}

const silent: Terminal = {
  step: (_name, work) => work(),
  begin: () => {},
  line: () => {},
  warn: () => {},
  good: () => {},
  fail: () => {},
};

export interface PlatformOptions {
  /** For tests that kill services and wait for their successors: a dead one is soon given up, and so is one that is only slow. */
  readonly soonGivenUp?: boolean;
}

/** Sets the backends up (topics, ACLs, schemas, bootstrap: each safe to repeat) and answers with a platform without services. */
export async function createPlatform(
  stackPath: string = testStack().file,
  { soonGivenUp = false }: PlatformOptions = {},
): Promise<Platform> {
  const stack = readStack(stackPath);
  const secrets = await loadSecrets(stack.data_dir, {});
  await Promise.all([setUpKafka(stack, silent), setUpPostgres(stack, secrets, silent)]);
  const tokens = await issueTokens(secrets);
  const ofAll = soonGivenUp ? { KAFKA_SESSION_TIMEOUT_MS: String(await shortSession(stack)) } : {};
  const jwks = await serveJwks(JSON.stringify(jwksOf(secrets)));
  const services: RunningService[] = [];
  const logDir = join(stack.data_dir, 'e2e-logs');

  const start = async (name: ServiceName, { crashAt, env, untilReady = true }: StartOptions = {}): Promise<RunningService> => {
    const spec = SERVICES.find((service) => service.name === name);
    if (spec === undefined) throw new Error(`The launcher knows no service ${name}.`);
    const port = await freePort();
    const process_ = await spawnProcess(['node', `apps/${name}/src/main.ts`], {
      cwd: ROOT,
      logFile: join(logDir, `${uniqueName(name)}.log`),
      env: {
        ...serviceEnvironment(spec, { stack, secrets, port, jwksUrl: jwks.url }, {}),
        ...ofAll,
        ...(crashAt === undefined ? {} : { ULTRACORE_CRASH_AT: crashAt }),
        ...env,
      },
    });
    const service: RunningService = { ...process_, name, url: `http://127.0.0.1:${port}` };
    services.push(service);
    if (untilReady) await untilServiceReady(service);
    return service;
  };

  return {
    stack,
    secrets,
    tokens,
    jwt: { issuer: JWT_ISSUER, audience: JWT_AUDIENCE, jwksUrl: jwks.url },
    start,
    running: (name) => services.filter((service) => service.name === name && service.isAlive()),
    api(role = 'operator', registry = services.findLast((service) => service.name === 'registry' && service.isAlive())) {
      if (registry === undefined) throw new Error('No registry is running.');
      return createApi(registry.url, tokens[role]);
    },
    tenantToken: (token) => issueTenantToken(secrets, token),
    userToken: (subject, claims = {}) => signToken(secrets, { subject, claims }),
    logs: () => services.map((service) => service.output()).join('\n'),
    async [Symbol.asyncDispose]() {
      await Promise.all(services.filter((service) => service.isAlive()).map((service) => service.stop()));
      await jwks.close();
    },
  };
}

/** Waits for `/readyz`; a process that ends instead is not waited for. */
async function untilServiceReady(service: RunningService): Promise<void> {
  const isReady = async () => (await fetch(`${service.url}/readyz`, { signal: AbortSignal.timeout(2_000) })).ok;
  await waitFor(async () => !service.isAlive() || (await isReady()), {
    what: `${service.name} to be ready (log ${service.logFile})`,
    deadlineMs: 120_000,
  });
  if (!service.isAlive())
    throw new Error(`${service.name} did not start (log ${service.logFile}): ${service.output().slice(-2_000)}`);
}

/** The public half of the signing key, where the services look for it. */
async function serveJwks(body: string): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(body);
  });
  await new Promise<void>((done) => {
    server.listen(0, '127.0.0.1', done);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/jwks.json`,
    close: () =>
      new Promise((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  };
}
