import { randomUUID } from 'node:crypto';
import { waitFor } from '@ultracore/testkit';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
  readonly text: string;
}

export interface NewTenant {
  readonly tenant_id?: string;
  readonly tenant_name?: string;
  readonly tier?: string;
  readonly owner_email?: string;
  readonly [field: string]: unknown;
}

/** The registry's HTTP API as a caller with one token sees it. */
export interface Api {
  request(method: string, path: string, options?: { body?: unknown; headers?: Record<string, string> }): Promise<Answer>;
  create(tenant: NewTenant, idempotencyKey?: string): Promise<Answer>;
  get(tenantId: string): Promise<Answer>;
  /** Types of the tenant's events, in stream order. */
  history(tenantId: string): Promise<string[]>;
  /** Waits until the tenant has one of the statuses, `active` unless given; answers with the tenant. */
  untilStatus(tenantId: string, statuses?: readonly string[], deadlineMs?: number): Promise<Record<string, unknown>>;
}

export function createApi(baseUrl: string, token: string | undefined): Api {
  const request: Api['request'] = async (method, path, { body, headers } = {}) => {
    const response = await fetch(new URL(path, baseUrl), {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: parse(text), text };
  };
  const get = (tenantId: string) => request('GET', `/v1/tenants/${tenantId}`);
  return {
    request,
    get,
    create: (tenant, idempotencyKey = randomUUID()) =>
      request('POST', '/v1/tenants', {
        body: {
          tenant_name: `Sample ${tenant.tenant_id ?? 'firm'}`,
          tier: 'small',
          owner_email: 'ops@sample.example',
          ...tenant,
        },
        headers: { 'idempotency-key': idempotencyKey },
      }),
    async history(tenantId) {
      const { body } = await request('GET', `/v1/tenants/${tenantId}/events?limit=200`);
      if (!Array.isArray(body['events'])) throw new Error(`No events of ${tenantId}: ${JSON.stringify(body)}`);
      return body['events'].map((event: { type: string }) => event.type);
    },
    untilStatus: (tenantId, statuses = ['active'], deadlineMs = 60_000) =>
      waitFor(
        async () => {
          const { body } = await get(tenantId);
          if (statuses.includes(String(body['status']))) return body;
          throw new Error(`it is ${String(body['status'])}`);
        },
        { what: `${tenantId} to be ${statuses.join(' or ')}`, deadlineMs },
      ),
  };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return {};
  }
}
