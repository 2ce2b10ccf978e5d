/**
 * What more tenants than connections cost: requests a second, waits, connections opened, and this process's own CPU time.
 *
 *   node packages/tenant-pool/scripts/measure-turns.ts postgres://superuser:password@host:port/postgres [seconds] [scenario …]
 *
 * Makes a database and roles of its own, and drops them afterwards.
 */
import { Client } from 'pg';
import { createTenantConnectionPoolManager, type TenantConnectionPoolManager } from '../src/index.ts';

interface Scenario {
  readonly tenants: number;
  readonly budget: number;
  /** Requests at one time, over all tenants. */
  readonly callers: number;
  /** `bound`: each caller asks for one tenant, in turn; `zipf`: for another each time, by rank; `loud`: the first tenant has fifty times the callers of another. */
  readonly load: 'bound' | 'zipf' | 'loud';
  readonly maxConnections?: number;
  /** A caller does something else in between, in milliseconds. */
  readonly pauseMs?: number;
}

const SCENARIOS: Record<string, Scenario> = {
  one: { tenants: 1, budget: 100, callers: 64, load: 'bound', maxConnections: 48 },
  few: { tenants: 10, budget: 20, callers: 64, load: 'zipf', maxConnections: 12 },
  equal40: { tenants: 40, budget: 20, callers: 80, load: 'bound' },
  equal200: { tenants: 200, budget: 20, callers: 400, load: 'bound' },
  equal200of100: { tenants: 200, budget: 100, callers: 400, load: 'bound' },
  zipf200: { tenants: 200, budget: 20, callers: 64, load: 'zipf' },
  zipf200of100: { tenants: 200, budget: 100, callers: 64, load: 'zipf' },
  calm40: { tenants: 40, budget: 20, callers: 40, load: 'bound', pauseMs: 20 },
  loud40: { tenants: 40, budget: 20, callers: 40, load: 'loud', pauseMs: 20 },
};
const LOUD_TIMES = 50;
const TEXT = 'select name from mine where id = $1';

const [, , address, seconds = '4', ...chosen] = process.argv;
if (address === undefined) {
  console.error('usage: node measure-turns.ts <url of a superuser> [seconds] [scenario …]');
  process.exit(2);
}
const url = new URL(address);
const names = chosen.length > 0 ? chosen : Object.keys(SCENARIOS);
const scenarios = names.flatMap((name) => {
  const scenario = SCENARIOS[name];
  return scenario === undefined ? [] : [{ name, scenario }];
});
const database = `turns_${process.pid}`;
const ids = Array.from(
  { length: Math.max(...scenarios.map(({ scenario }) => scenario.tenants)) },
  (_, nth) => `${database}_${nth}`,
);
await asSuperuser('postgres', [`create database ${database}`]);
try {
  await asSuperuser(database, ids.map(homeSql));
  for (const { name, scenario } of scenarios) console.log(name.padEnd(14), await run(scenario));
} finally {
  await asSuperuser('postgres', [`drop database ${database} with (force)`, ...ids.map((id) => `drop role if exists ${id}`)]);
}

function homeSql(id: string): string {
  return `create role ${id} login password 'pw'; create schema ${id}; create table ${id}.mine (id int primary key, name text);
    insert into ${id}.mine select n, '${id}' from generate_series(1, 100) n; grant usage on schema ${id} to ${id};
    grant select on ${id}.mine to ${id}; alter role ${id} in database ${database} set search_path = ${id}`;
}

async function asSuperuser(inDatabase: string, texts: readonly string[]): Promise<void> {
  const client = new Client({ connectionString: Object.assign(new URL(url), { pathname: `/${inDatabase}` }).href });
  await client.connect();
  for (const text of texts) await client.query(text);
  await client.end();
}

function createPools({ tenants, budget, maxConnections = 4 }: Scenario): TenantConnectionPoolManager {
  const manager = createTenantConnectionPoolManager({ serverBudgets: () => budget, applicationName: database });
  for (const id of ids.slice(0, tenants)) {
    manager.registerTenant({
      tenantId: id,
      database,
      primary: { host: url.hostname, port: Number(url.port) },
      readwrite: { user: id, passwords: [async () => 'pw'] },
      readonly: { user: `${id}__ro`, passwords: [async () => 'pw'] },
      minConnections: 0,
      maxConnections,
      maxConcurrentQueries: 1_000,
      connectionTimeoutMs: 60_000,
      idleTimeoutMs: 60_000,
    });
  }
  return manager;
}

async function run(scenario: Scenario): Promise<string> {
  const { tenants } = scenario;
  const manager = createPools(scenario);
  const asked = ids.slice(0, tenants);
  const latencies: { own: number[]; loud: number[] } = { own: [], loud: [] };
  const served = new Map(asked.map((id) => [id, 0]));
  const state = { measuring: false, done: false, most: 0 };
  const draw = drawer(asked);
  const callers = scenario.load === 'loud' ? scenario.callers + LOUD_TIMES - 1 : scenario.callers;
  const caller = async (_: unknown, index: number): Promise<void> => {
    while (!state.done) {
      const loud = scenario.load === 'loud' && index >= tenants - 1;
      const id = (scenario.load === 'zipf' ? draw() : loud ? asked[0] : asked[(index + 1) % tenants]) ?? '';
      const at = performance.now();
      await once(manager, id);
      if (scenario.pauseMs !== undefined && !loud) await new Promise((resolve) => setTimeout(resolve, scenario.pauseMs));
      if (!state.measuring) continue;
      latencies[loud ? 'loud' : 'own'].push(performance.now() - at - (loud ? 0 : (scenario.pauseMs ?? 0)));
      served.set(id, (served.get(id) ?? 0) + 1);
    }
  };
  // A tenant's first login takes more than those after it.
  await Promise.all(asked.map((id) => once(manager, id)));
  const work = Array.from({ length: callers }, caller);
  await pause(1_000);
  const before = manager.getPoolStats();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  state.measuring = true;
  const looks = setInterval(() => {
    state.most = Math.max(state.most, manager.totals().connections);
  }, 20);
  await pause(Number(seconds) * 1_000);
  state.measuring = false;
  clearInterval(looks);
  const { user, system } = process.cpuUsage(cpu);
  const elapsed = (performance.now() - startedAt) / 1_000;
  const after = manager.getPoolStats();
  state.done = true;
  await Promise.all(work);
  await manager.close();
  const requests = latencies.own.length + latencies.loud.length;
  const counts = [...served.values()].toSorted((a, b) => a - b);
  return [
    `${(requests / elapsed).toFixed(0)}/s`,
    `p50 ${quantile(latencies.own, 0.5)} p99 ${quantile(latencies.own, 0.99)} max ${quantile(latencies.own, 1)} ms`,
    `opened ${((after.opened - before.opened) / elapsed).toFixed(0)}/s`,
    `connections ${state.most}`,
    `own CPU ${((user + system) / requests).toFixed(0)} µs a request, ${((user + system) / elapsed / 10_000).toFixed(0)} %`,
    `least/median/most served ${counts[0]}/${counts[Math.floor(counts.length / 2)]}/${counts.at(-1)}`,
  ].join(' · ');
}

function once(manager: TenantConnectionPoolManager, id: string): Promise<void> {
  return new Promise((resolve, reject) => {
    manager
      .getPool(id)
      .submit(
        { text: TEXT, params: ['7'], lane: 'shared', deadline: performance.now() + 60_000, repeatable: true },
        { columns() {}, row() {}, complete: () => resolve(), failed: reject },
      );
  });
}

function drawer(among: readonly string[]): () => string | undefined {
  const sums: number[] = [];
  among.forEach((_, rank) => sums.push((sums.at(-1) ?? 0) + 1 / (rank + 1)));
  let seed = 1;
  return () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const at = (seed / 2 ** 32) * (sums.at(-1) ?? 0);
    return among[sums.findIndex((sum) => at < sum)];
  };
}

function quantile(values: number[], q: number): string {
  const ascending = values.toSorted((a, b) => a - b);
  return (ascending[Math.min(ascending.length - 1, Math.floor(q * ascending.length))] ?? Number.NaN).toFixed(1);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
