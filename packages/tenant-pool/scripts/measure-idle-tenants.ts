/**
 * What a tenant costs in memory while it is idle: registered only, and used once and idle again.
 *
 *   node --expose-gc packages/tenant-pool/scripts/measure-idle-tenants.ts postgres://user:password@host:port/database
 *
 * The one login is used for all tenants: only their number matters here.
 */
import { setTimeout } from 'node:timers/promises';
import { createTenantConnectionPoolManager, type TenantConnectionPoolManager } from '../src/index.ts';

const REGISTERED = 10_000;
const USED = 1_000;

const [, , address] = process.argv;
if (address === undefined || globalThis.gc === undefined) {
  console.error('usage: node --expose-gc measure-idle-tenants.ts <url of a Postgres login>');
  process.exit(2);
}
const url = new URL(address);
const password = async (): Promise<string> => decodeURIComponent(url.password);

async function heapBytes(): Promise<number> {
  for (let n = 0; n < 5; n++) {
    globalThis.gc?.();
    // Buffers are given back between turns of the loop.
    await setTimeout(100);
  }
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + external + arrayBuffers;
}

function register(manager: TenantConnectionPoolManager, tenantId: string): void {
  const user = decodeURIComponent(url.username);
  manager.registerTenant({
    tenantId,
    database: url.pathname.slice(1),
    primary: { host: url.hostname, port: Number(url.port) },
    readwrite: { user, passwords: [password] },
    readonly: { user: `${user}__ro`, passwords: [password] },
    minConnections: 2,
    maxConnections: 10,
    maxConcurrentQueries: 100,
    connectionTimeoutMs: 30_000,
    idleTimeoutMs: 1_000,
  });
}

const manager = createTenantConnectionPoolManager({ serverBudgets: () => 20, applicationName: 'measure-idle-tenants' });
// What connections and the garbage collector need once is no tenant's.
for (let nth = 0; nth < USED; nth++) register(manager, `warm-${nth}`);
await use('warm', USED);

const before = await heapBytes();
for (let nth = 0; nth < USED; nth++) register(manager, `used-${nth}`);
await use('used', USED);
const used = await heapBytes();
console.log(`used once and idle again: ${((used - before) / USED).toFixed(0)} bytes a tenant (${USED} tenants)`);

for (let nth = 0; nth < REGISTERED; nth++) register(manager, `registered-${nth}`);
console.log(`registered: ${(((await heapBytes()) - used) / REGISTERED).toFixed(0)} bytes a tenant (${REGISTERED} tenants)`);
await manager.close();

async function use(prefix: string, count: number): Promise<void> {
  for (let nth = 0; nth < count; nth += 20) {
    const ids = Array.from({ length: 20 }, (_, index) => `${prefix}-${nth + index}`);
    await Promise.all(ids.map((tenantId, index) => manager.query('select $1::int as n', [index], { tenantId })));
  }
  await idle();
}

async function idle(): Promise<void> {
  while (manager.getPoolStats().total > 0) await setTimeout(100);
  // Pools are forgotten at the maintenance after that.
  await setTimeout(2_500);
}
