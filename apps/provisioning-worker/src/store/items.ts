import type { Queryable } from '@ultracore/postgres';

/** An event that asks for a creation. */
export interface ProvisionRequest {
  readonly requestId: string;
  readonly tenantId: string;
  readonly revision: number;
  readonly correlationId: string | undefined;
  readonly traceparent: string | undefined;
}

/** Keeps a request as a work item, once. True when the directory has already reached it, so that it may be worked. */
export async function recordRequest(client: Queryable, request: ProvisionRequest): Promise<boolean> {
  const result = await client.query<{ work: boolean }>(
    `with kept as (
       insert into worker.work_item (request_id, tenant_id, revision, correlation_id, traceparent)
       values ($1, $2, $3, $4, $5) on conflict (request_id) do nothing returning 1
     )
     select exists (select from kept)
        and exists (select from worker.directory_row where tenant_id = $2 and revision >= $3) as work`,
    [request.requestId, request.tenantId, request.revision, request.correlationId ?? null, request.traceparent ?? null],
  );
  return result.rows[0]?.work === true;
}
