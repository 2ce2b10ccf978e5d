import type { Queryable } from '@ultracore/postgres';

/** An event that asks for a creation. */
export interface ProvisionRequest {
  readonly requestId: string;
  readonly tenantId: string;
  readonly revision: number;
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
}

/** Keeps a request as a work item, once. True when it was not there: it may be due, if the directory has reached it. */
export async function recordRequest(client: Queryable, request: ProvisionRequest): Promise<boolean> {
  const result = await client.query(
    `insert into worker.work_item (request_id, tenant_id, revision, correlation_id, traceparent)
     values ($1, $2, $3, $4, $5) on conflict (request_id) do nothing`,
    [request.requestId, request.tenantId, request.revision, request.correlationId ?? null, request.traceparent ?? null],
  );
  return result.rowCount === 1;
}
