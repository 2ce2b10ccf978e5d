import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { planBackends } from './backends.ts';
import { choosePorts, keepLogsSmall, prepareDataDir, wipe } from './data-dir.ts';
import { startEdge } from './edge/edge.ts';
import { LauncherError } from './errors.ts';
import { externalEndpoints, requireExternal } from './external.ts';
import { issueTokens, jwksOf } from './identity.ts';
import { isWanted, type Options, ROOT } from './options.ts';
import { requireFree } from './ports.ts';
import { ROUTES } from './routes.ts';
import { allOrFirstError, createRun, type Run } from './run.ts';
import { acquireRunLock, type RunLock } from './run-lock.ts';
import { loadSecrets, type Secrets } from './secrets.ts';
import { startService } from './service-process.ts';
import { JWT_AUDIENCE, JWT_ISSUER, serviceEnvironment, SERVICES, type ServiceSpec } from './services.ts';
import { setUpKafka, setUpPostgres } from './setup.ts';
import type { Stack } from './stack-file.ts';
import type { Terminal } from './terminal.ts';

/**
 * Brings the wanted parts up and resolves when all are ready. Whatever has been started is stopped again when a part fails or
 * `signal` aborts; `onBegun` hands over the run while it is still coming up, so that it can be killed. Errors are `LauncherError`s, each a sentence with its remedy.
 */
export async function launch(
  options: Options,
  terminal: Terminal,
  signal: AbortSignal,
  onBegun: (run: Run) => void = () => {},
): Promise<Run> {
  const began = performance.now();
  prepareDataDir(options.dataDir);
  const lock = await acquireRunLock(options.dataDir);
  let run: Run | undefined;
  try {
    tellTakeover(lock, terminal);
    if (options.fresh) await wipe(options.dataDir);
    mkdirSync(join(options.dataDir, 'logs'), { recursive: true });
    keepLogsSmall(join(options.dataDir, 'logs'));
    const secrets = await loadSecrets(options.dataDir, process.env);
    run = createRun(emptyStack(options, secrets), lock, terminal, signal);
    onBegun(run);
    await bringUp(run, options, secrets, terminal, signal);
    run.stack.ready_ms = Math.round(performance.now() - began);
    run.markReady();
    return run;
  } catch (error) {
    if (run === undefined) lock.release();
    else await run.stop();
    throw error;
  }
}

async function bringUp(run: Run, options: Options, secrets: Secrets, terminal: Terminal, signal: AbortSignal): Promise<void> {
  const { stack } = run;
  const services = SERVICES.filter((service) => isWanted(options, service.name));
  const ports = await choosePorts(options);
  const backends = planBackends(options, ports, secrets, terminal);
  for (const service of services) requireNeeds(service, [...backends.map(({ name }) => name), ...namesOf(stack)]);
  const withEdge = services.length > 0;
  const listening = [
    ...backends.flatMap((backend) => backend.ports),
    ...services.map(({ name }) => name),
    ...(withEdge ? ['edge'] : []),
  ];
  for (const name of listening) await requireFree(ports[name] ?? 0, name);
  await requireExternal(stack);

  const started = new Map(
    backends.map((backend) => [
      backend.name,
      backend
        .prepare()
        .then(() => run.start(backend, backend.address))
        .then(() => Object.assign(stack, backend.endpoints)),
    ]),
  );
  const up = (...names: string[]) => Promise.all(names.map((name) => started.get(name) ?? Promise.resolve()));
  const setUps = options.backendsOnly
    ? []
    : [
        up('kafka', 'schema-registry').then(() => {
          signal.throwIfAborted();
          return setUpKafka(stack, terminal);
        }),
        up('postgres').then(() => {
          signal.throwIfAborted();
          return setUpPostgres(stack, secrets, terminal);
        }),
      ];
  await allOrFirstError([...started.values(), ...setUps]);
  signal.throwIfAborted();
  if (!withEdge) return;

  stack.service_urls = Object.fromEntries(services.map(({ name }) => [name, `http://127.0.0.1:${ports[name]}`]));
  const edge = await startEdge({
    port: ports['edge'] ?? 0,
    routes: ROUTES,
    upstreams: stack.service_urls,
    jwks: jwksOf(secrets),
    status: () => ({ ready: stack.ready_ms > 0, parts: run.status() }),
  });
  run.addEdge(edge.stop);
  const jwksUrl = `${edge.url}/.well-known/jwks.json`;
  stack.edge_url = edge.url;
  stack.tokens = await issueTokens(secrets);
  stack.jwt = { issuer: JWT_ISSUER, audience: JWT_AUDIENCE, jwks_url: jwksUrl };

  await allOrFirstError(
    services.map((service) => {
      const { name } = service;
      const port = ports[name] ?? 0;
      const env = serviceEnvironment(service, { stack, secrets, port, jwksUrl }, process.env);
      const settings = { name, root: ROOT, logDir: join(options.dataDir, 'logs'), port, env };
      return run.start(
        { name, graceMs: 15_000, start: (context) => startService(settings, context) },
        `http://127.0.0.1:${port}`,
      );
    }),
  );
  signal.throwIfAborted();
}

function emptyStack(options: Options, secrets: Secrets): Stack {
  return {
    data_dir: options.dataDir,
    launcher_pid: process.pid,
    started_at: new Date().toISOString(),
    ready_ms: 0,
    master_password: secrets.master_password,
    master_key: masterKey(secrets, process.env),
    ...(secrets.previous_master === undefined ? {} : { previous_master: secrets.previous_master }),
    service_urls: {},
    pids: {},
    log_files: {},
    ...externalEndpoints(options, secrets),
  };
}

/** As the worker reads it; without a variable, the default of the key ring. */
function masterKey(secrets: Secrets, env: Readonly<Record<string, string | undefined>>): Stack['master_key'] {
  const { ULTRACORE_MASTER_SALT: salt, ULTRACORE_MASTER_ROUNDS: rounds } = env;
  return { key_id: secrets.master_key_id, ...(salt ? { salt } : {}), ...(rounds ? { rounds: Number(rounds) } : {}) };
}

/** Names of the backends that the environment has replaced. */
function namesOf(stack: Stack): string[] {
  return [
    ...(stack.kafka_brokers ? ['kafka'] : []),
    ...(stack.postgres ? ['postgres'] : []),
    ...(stack.schema_registry_url ? ['schema-registry'] : []),
    ...(stack.eventstoredb_url ? ['eventstore'] : []),
  ];
}

function requireNeeds(service: ServiceSpec, present: readonly string[]): void {
  const missing = service.needs.filter((need) => !present.includes(need));
  if (missing.length === 0) return;
  throw new LauncherError(
    'bad_option',
    `${service.name} needs ${missing.join(' and ')}: add ${missing.length > 1 ? 'them' : 'it'} to --only, or name your own server in the environment (see --help).`,
  );
}

function tellTakeover(lock: RunLock, terminal: Terminal): void {
  if (!lock.takenOver) return;
  const ended = lock.ended.map(({ name }) => name).join(', ');
  terminal.warn(
    'launcher',
    `the run before was killed; ${ended === '' ? 'nothing of it was left' : `ended what it left running: ${ended}`}`,
  );
}
