import { afterEach, describe, expect, it } from 'vitest';
import type { PoolContext } from '../src/pool/context.ts';
import { Lease } from '../src/pool/lease.ts';
import type { LoginPool } from '../src/pool/login-pool.ts';
import { ServerBudget } from '../src/pool/server-budget.ts';
import { Tenant } from '../src/pool/tenant.ts';
import { Ticker } from '../src/pool/ticker.ts';
import { CANCELS } from '../src/pool/tuning.ts';
import type { TenantRegistration } from '../src/index.ts';

const ticker = new Ticker();
afterEach(() => ticker.stop());

/** A server of which every connection is somebody else's. */
class FullServer extends ServerBudget {
  warmed = 0;

  override want(): void {}

  override openSpare(): void {
    this.warmed++;
  }
}

function createTenant(change: Partial<TenantRegistration> = {}): { tenant: Tenant; server: FullServer } {
  const server = new FullServer('db', 5432, 1, ticker);
  const context: PoolContext = {
    ticker,
    logger: undefined,
    maxQueued: 100,
    replicaMaxLagMs: 0,
    connection: {
      applicationName: 'test',
      settings: {},
      tls: undefined,
      maxRowBytes: undefined,
      socketDirectory: () => '/no/such/directory',
    },
    keepUp: () => {},
  };
  const registration: TenantRegistration = {
    tenantId: 'acme',
    database: 'acme',
    primary: { host: 'db', port: 5432 },
    readwrite: { user: 'acme', passwords: [async () => 'pw'] },
    readonly: { user: 'acme__ro', passwords: [async () => 'pw'] },
    minConnections: 0,
    maxConnections: 1,
    maxConcurrentQueries: 10,
    connectionTimeoutMs: 60_000,
    idleTimeoutMs: 60_000,
    ...change,
  };
  return { tenant: new Tenant(registration, context, () => server), server };
}

const ask = (pool: LoginPool, queuedAt: number): void =>
  pool.take(new Lease(pool, { deadline: queuedAt + 60_000 }, queuedAt, { resolve: () => {}, reject: () => {} }));

describe('the logins of a tenant', () => {
  it('get their one connection by turns: it is for the one whose work has waited longest', () => {
    const { tenant, server } = createTenant();
    const at = performance.now();
    const readwrite = tenant.poolFor('readwrite', at);
    const readonly = tenant.poolFor('readonly', at);
    ask(readwrite, at + 10);
    ask(readonly, at + 5);
    expect(tenant.claimOn(server, at + 20)?.role).toBe('readonly');
    readonly.handOver(readwrite);
    ask(readonly, at + 30);
    expect(tenant.claimOn(server, at + 40)?.role).toBe('readwrite');
  });

  it('open nothing for a while after they have lost many connections to cancels, neither for what waits nor to be warm', async () => {
    const { tenant, server } = createTenant({ minConnections: 2, maxConnections: 4 });
    const at = performance.now();
    const pool = tenant.poolFor('readwrite', at);
    ask(pool, at);
    expect(pool.wants(at)).toBe(1);
    const slot = pool.open(at);
    tenant.hasOpened();
    tenant.maintain(at, () => true);
    expect(server.warmed).toBe(1);
    for (let n = 0; n < CANCELS.most + 20; n++) tenant.hasCancelled(at);
    const readonly = tenant.poolFor('readonly', at);
    ask(readonly, at);
    expect(readonly.wants(at)).toBe(0);
    tenant.maintain(at, () => true);
    expect(server.warmed).toBe(1);
    expect(readonly.wants(at + 19 * CANCELS.everyMs)).toBe(0);
    expect(readonly.wants(at + 22 * CANCELS.everyMs)).toBe(1);
    slot.destroy();
    await expect.poll(() => pool.slots.length).toBe(0);
  });
});
