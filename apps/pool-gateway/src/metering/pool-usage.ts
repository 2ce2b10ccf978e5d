import { isPoolError, type TenantConnectionPoolManager } from '@ultracore/tenant-pool';
import type { PoolOf } from './windows.ts';

export const createPoolUsage =
  (pools: Pick<TenantConnectionPoolManager, 'usageOf'>): PoolOf =>
  (tenantId) => {
    try {
      const { busyMs, waitMs, connectionMs, connections } = pools.usageOf(tenantId);
      return { busyMs, queuedMs: waitMs, connectionMs, connections };
    } catch (error) {
      if (isPoolError(error)) return undefined;
      throw error;
    }
  };
