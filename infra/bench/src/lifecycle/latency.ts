import { issueTenantToken, loadSecrets } from '@ultracore/local';
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

/**
 * One standard tenant of a whole platform: from asking for its suspension until the gateway refuses it, from asking for its reactivation
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
  await using gateway = queryAs(origin, await issueTenantToken(await loadSecrets(stack.data_dir), { tenantId: TENANT }));
  await registry.create({ tenant_id: TENANT, tier: 'standard' });
  await until(async () => (await registry.get(TENANT)).status === 'active', { what: 'the tenant to be active', ...WAIT });
  await until(async () => (await gateway.query()) === 200, { what: 'its first query', ...WAIT });

  const suspension: number[] = [];
  const reactivation: number[] = [];
  const rotation: number[] = [];
  for (let round = -WARM_UP; round < tenants; round += 1) {
    const suspended = await timed(
      () => registry.ask(TENANT, 'suspend', { reason: 'bench' }),
      async () => (await gateway.query()) === 403,
      'the gateway to refuse',
    );
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
    reactivation.push(reactivated);
    rotation.push(rotated);
    if ((round + 1) % 10 === 0) progress(`${round + 1} of ${tenants} suspensions, reactivations and rotations`);
  }
  const suspensions = metric('samples', 'suspension asked for → the gateway refuses', 'ms', suspension);
  return {
    metrics: [
      suspensions,
      metric('samples', 'reactivation asked for → the gateway lets in', 'ms', reactivation),
      metric('samples', 'rotation asked for → the new password is in force', 'ms', rotation),
    ],
    goals: [goal('suspension reaches the gateway', suspensions, 'at most', SUSPENSION_GOAL)],
  };
}

async function isRotated(registry: RegistryClient): Promise<boolean> {
  const { requests } = await registry.get(TENANT);
  const outcome = requests.rotate?.outcome;
  if (outcome === 'failed' || outcome === 'cancelled') throw new Error(`A rotation is ${outcome}.`);
  return outcome === 'done';
}

interface Gateway extends AsyncDisposable {
  /** Runs a query as the tenant; answers the status. */
  query(): Promise<number>;
}

function queryAs(origin: string, token: string): Gateway {
  const pool = new Pool(origin, { connections: 1, pipelining: 1 });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return {
    async query() {
      const { statusCode, body } = await pool.request({ method: 'POST', path: '/v1/query', headers, body: '{"sql":"select 1"}' });
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
  await until(seen, { what, ...WAIT });
  return performance.now() - began;
}
