import type { Queryable } from '@ultracore/postgres';
import type { WorkKind } from '../provisioning/situation.ts';

/** An event that asks for work that has an end. */
export interface WorkRequest {
  readonly requestId: string;
  readonly tenantId: string;
  readonly kind: WorkKind;
  readonly revision: number;
  /** What the event says of what it asks for, beside the common fields; no secret. */
  readonly details?: object;
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
}

/** Keeps a request as a work item, once. True when it was not there: it may be due, if the directory has reached it. */
export async function recordRequest(client: Queryable, request: WorkRequest): Promise<boolean> {
  const { requestId, tenantId, kind, revision, details = {}, correlationId = null, traceparent = null } = request;
  const result = await client.query(
    `insert into worker.work_item (request_id, tenant_id, kind, revision, details, correlation_id, traceparent)
     values ($1, $2, $3, $4, $5, $6, $7) on conflict (request_id) do nothing`,
    [requestId, tenantId, kind, revision, JSON.stringify(details), correlationId, traceparent],
  );
  return result.rowCount === 1;
}
