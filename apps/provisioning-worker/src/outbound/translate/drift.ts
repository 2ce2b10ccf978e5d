import type { DirectoryRow } from '@ultracore/contracts';
import type { OutRecord } from '@ultracore/kafka';
import type { DriftReport } from '@ultracore/tenant-database';
import { factRecord } from './fact.ts';

/** What of a directory row tells whose home it is, and what was last told of it. */
type KnownHome = Pick<DirectoryRow, 'tenant_id' | 'home_request_id' | 'schema_drift'>;

/**
 * What is to be told of a comparison; undefined where the directory says so already. The fact's id is made of the request that
 * made the home, of how often this has changed, and of the differences: told again before the directory shows it, or by a worker
 * whose bookkeeping was lost, it is the same fact.
 */
export function driftRecord(row: KnownHome, report: DriftReport, time: string): OutRecord | undefined {
  const { tenant_id: tenantId, home_request_id: requestId, schema_drift: known } = row;
  if (requestId === null || (known?.fingerprint ?? '') === report.fingerprint) return undefined;
  const change = (known?.change ?? 0) + 1;
  const { version: migration_version, fingerprint, differences, count } = report;
  const origin = { requestId, tenantId, correlationId: undefined, traceparent: undefined };
  const step = `schema drift ${change} ${fingerprint}`;
  if (count === 0) {
    const fields = { migration_version, change, resolved_at: time };
    return factRecord(origin, step, { type: 'TenantSchemaDriftResolvedEvent', fields }, time);
  }
  const found = { fingerprint, differences: [...differences], difference_count: count };
  const fields = { migration_version, change, ...found, detected_at: time };
  return factRecord(origin, step, { type: 'TenantSchemaDriftDetectedEvent', fields }, time);
}
