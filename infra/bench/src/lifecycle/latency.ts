import { issueTenantToken, loadSecrets, type Stack } from '@ultracore/local';
import { Client } from 'pg';
import { Pool } from 'undici';
import { startPlatform } from '../frame/platform.ts';
import { createRegistryClient, type RegistryClient } from '../frame/registry-client.ts';
import { goal, metric, type Goal, type Metric } from '../frame/report.ts';
import { required } from '../frame/required.ts';
import { until } from '../frame/until.ts';
import type { BenchOptions } from '../options.ts';

const WARM_UP = 2;
const WAIT = { deadlineMs: 60_000, everyMs: 2 };
const TENANT = 'bench-of-life';
/** Milliseconds at p99. */
const SUSPENSION_GOAL = 2000;
/** It takes longer than a round, and than the gateway lets a statement run that does not say how long it may. */
const FOREVER = 'select pg_sleep(120)';

/**
 * One standard tenant of a whole platform: from asking for its suspension until the gateway refuses it and until Postgres has ended what ran, from asking for its reactivation
 * until the gateway lets it in, and from asking for a rotation until the API says that the new password is in force.
 */
export async function benchLatency(
  { dataDir, tenants }: BenchOptions,
  progress: (line: string) => void,
): Promise<{ metrics: Metric[]; goals: Goal[] }> {
  progress('starting the platform …');
  await using platform = await startPlatform({ dataDir });
  const stack = platform.stack();
  const origin = required(stack.edge_url, 'edge_url');
  await using registry = createRegistryClient(origin, required(stack.tokens, 'tokens').operator, 2);
  await using sessions = await watchSessions(stack);
  await using gateway = queryAs(origin, await issueTenantToken(await loadSecrets(stack.data_dir), { tenantId: TENANT }));
  await registry.create({ tenant_id: TENANT, tier: 'standard' });
  await until(async () => (await registry.get(TENANT)).status === 'active', { what: 'the tenant to be active', ...WAIT });
  await until(async () => (await gateway.query()) === 200, { what: 'its first query', ...WAIT });

  const suspension: number[] = [];
  const cancellation: number[] = [];
  const reactivation: number[] = [];
  const rotation: number[] = [];
  for (let round = -WARM_UP; round < tenants; round += 1) {
    const running = gateway.query({ sql: FOREVER, timeout_ms: 120_000 });
    await until(() => sessions.run(FOREVER), { what: 'a statement to run', ...WAIT });
    const began = performance.now();
    await registry.ask(TENANT, 'suspend', { reason: 'bench' });
    const [suspended, cancelled] = await Promise.all([
      since(began, async () => (await gateway.query()) === 403, 'the gateway to refuse'),
      since(began, async () => !(await sessions.run(FOREVER)), 'what ran to be cancelled'),
    ]);
    const told = await running;
    if (told !== 409) throw new Error(`The statement that ran was answered with ${told}.`);
    const reactivated = await timed(
      () => registry.ask(TENANT, 'reactivate', {}),
      async () => (await gateway.query()) === 200,
      'the gateway to let in',
    );
    const rotated = await timed(
      () => registry.ask(TENANT, 'rotate', { reason: 'bench' }),
      () => isRotated(registry),
      'the new password',
    );
    if (round < 0) continue;
    suspension.push(suspended);
    cancellation.push(cancelled);
    reactivation.push(reactivated);
    rotation.push(rotated);
    if ((round + 1) % 10 === 0) progress(`${round + 1} of ${tenants} suspensions, reactivations and rotations`);
  }
  const suspensions = metric('samples', 'suspension asked for → the gateway refuses', 'ms', suspension);
  const cancellations = metric('samples', 'suspension asked for → Postgres has ended what ran', 'ms', cancellation);
  return {
    metrics: [
      suspensions,
      cancellations,
      metric('samples', 'reactivation asked for → the gateway lets in', 'ms', reactivation),
      metric('samples', 'rotation asked for → the new password is in force', 'ms', rotation),
    ],
    goals: [
      goal('suspension reaches the gateway', suspensions, 'at most', SUSPENSION_GOAL),
      goal('suspension cancels what runs', cancellations, 'at most', SUSPENSION_GOAL),
    ],
  };
}

async function isRotated(registry: RegistryClient): Promise<boolean> {
  const { requests } = await registry.get(TENANT);
  const outcome = requests.rotate?.outcome;
  if (outcome === 'failed' || outcome === 'cancelled') throw new Error(`A rotation is ${outcome}.`);
  return outcome === 'done';
}

interface Gateway extends AsyncDisposable {
  /** Runs a query as the tenant, `select 1` unless given; answers the status. */
  query(body?: object): Promise<number>;
}

function queryAs(origin: string, token: string): Gateway {
  const pool = new Pool(origin, { connections: 2, pipelining: 1 });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return {
    async query(asked = { sql: 'select 1' }) {
      const request = { method: 'POST', path: '/v1/query', headers, body: JSON.stringify(asked) } as const;
      const { statusCode, body } = await pool.request(request);
      await body.dump();
      return statusCode;
    },
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

/** Milliseconds from the moment at which something is asked for until it is seen. */
async function timed(ask: () => Promise<void>, seen: () => Promise<boolean>, what: string): Promise<number> {
  const began = performance.now();
  await ask();
  return since(began, seen, what);
}

async function since(began: number, seen: () => Promise<boolean>, what: string): Promise<number> {
  await until(seen, { what, ...WAIT });
  return performance.now() - began;
}

interface Sessions extends AsyncDisposable {
  /** Whether a session runs this text. */
  run(text: string): Promise<boolean>;
}

async function watchSessions(stack: Stack): Promise<Sessions> {
  const { host, port, user, password } = required(stack.postgres, 'postgres');
  const client = new Client({ host, port, user, password, database: 'postgres' });
  await client.connect();
  return {
    async run(text) {
      const { rows } = await client.query(`select from pg_stat_activity where query = $1 and state = 'active'`, [text]);
      return rows.length > 0;
    },
    [Symbol.asyncDispose]: () => client.end(),
  };
}
