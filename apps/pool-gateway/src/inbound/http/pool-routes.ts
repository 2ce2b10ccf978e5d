import { TENANT_ID_PATTERN } from '@ultracore/contracts';
import { ProblemError, type HttpServer } from '@ultracore/service';
import type { ManagerStats, RoleStats, TenantConnectionPoolManager, TenantPoolStats } from '@ultracore/tenant-pool';
import { z } from 'zod';
import { authorizeReading, type Directory } from '../../access/authorize.ts';

const count = z.int().min(0);
const waits = z
  .object({ p50: z.number(), p95: z.number(), p99: z.number() })
  .describe('Milliseconds, of the last one to two minutes');
const role = z.object({
  total: count.describe('Open connections, and those being opened or closed'),
  idle: count,
  in_use: count,
  waiting: count.describe('Requests that wait for a connection'),
  hits: count.describe('Requests that found an open connection'),
  misses: count.describe('Requests for which one had to be opened'),
  opened: count,
  closed: count,
  wait_ms: waits,
});
const server = z.object({
  host: z.string(),
  port: z.int(),
  budget: count.describe('Connections that this gateway may have to it'),
  used: count,
  waiting_tenants: count,
  failure: z.string().optional(),
});
const tenantPool = role.extend({
  tenant_id: z.string(),
  min: count,
  max: count,
  roles: z.object({ primary: role, replica: role }),
});
const allPools = role.extend({ tenants: count, servers: z.array(server) });

export interface PoolRoutesDeps {
  readonly pools: Pick<TenantConnectionPoolManager, 'getPoolStats'>;
  readonly directory: Directory;
}

/** The state of this gateway's connections: all together for operators and auditors, one tenant's for whoever may run its SQL too. */
export function addPoolRoutes(http: HttpServer, { pools, directory }: PoolRoutesDeps): void {
  http.get(
    '/v1/pools',
    {
      config: { roles: ['operator', 'auditor'] },
      schema: { summary: 'Connections of this gateway, by server', response: { 200: allPools } },
    },
    async () => toManagerView(pools.getPoolStats()),
  );

  http.get(
    '/v1/pools/:tenant_id',
    {
      schema: {
        summary: "One tenant's connections of this gateway",
        params: z.object({ tenant_id: z.string() }),
        response: { 200: tenantPool },
      },
    },
    async ({ principal, params: { tenant_id: tenantId } }) => {
      authorizeReading(principal, tenantId, directory);
      if (!TENANT_ID_PATTERN.test(tenantId) || directory.find(tenantId)?.status !== 'active') throw noPool();
      return toTenantView(pools.getPoolStats(tenantId));
    },
  );
}

const toRoleView = (stats: RoleStats) => ({
  total: stats.total,
  idle: stats.idle,
  in_use: stats.inUse,
  waiting: stats.waiting,
  hits: stats.hits,
  misses: stats.misses,
  opened: stats.opened,
  closed: stats.closed,
  wait_ms: stats.waitMs,
});

const toTenantView = (stats: TenantPoolStats) => ({
  ...toRoleView(stats),
  tenant_id: stats.tenantId,
  min: stats.min,
  max: stats.max,
  roles: { primary: toRoleView(stats.roles.primary), replica: toRoleView(stats.roles.replica) },
});

const toManagerView = (stats: ManagerStats) => ({
  ...toRoleView(stats),
  tenants: stats.tenants,
  servers: stats.servers.map(({ host, port, budget, used, waitingTenants, failure }) => ({
    host,
    port,
    budget,
    used,
    waiting_tenants: waitingTenants,
    ...(failure === undefined ? {} : { failure }),
  })),
});

const noPool = (): ProblemError =>
  new ProblemError({ status: 404, code: 'tenant_unknown', detail: 'There is no active tenant of this id here.' });
