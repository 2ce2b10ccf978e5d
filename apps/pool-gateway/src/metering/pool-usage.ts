import { isPoolError, type TenantConnectionPoolManager, type TenantUsage } from '@ultracore/tenant-pool';
import type { PoolUsage } from './usage.ts';
import type { PoolOf } from './windows.ts';

export const createPoolUsage =
  (pools: Pick<TenantConnectionPoolManager, 'usageOf' | 'resetPeak'>): PoolOf =>
  (tenantId) => {
    try {
      const usage = pools.usageOf(tenantId);
      pools.resetPeak(tenantId);
      return toPoolUsage(usage);
    } catch (error) {
      if (isPoolError(error)) return undefined;
      throw error;
    }
  };

export const toPoolUsage = ({ busyMs, waitMs, connectionMs, connections, peakTotal }: TenantUsage): PoolUsage => ({
  busyMs,
  queuedMs: waitMs,
  connectionMs,
  connections,
  peak: peakTotal,
});
