import { Pool } from 'undici';
import { z } from 'zod';

const requestSchema = z.object({ outcome: z.string() }).nullable();

const tenantSchema = z.object({
  tenant_id: z.string(),
  status: z.string(),
  failure: z.object({ step: z.string(), code: z.string(), reason: z.string() }).nullable(),
  requests: z.object({ rotate: requestSchema }),
});
export type TenantView = z.infer<typeof tenantSchema>;

const historySchema = z.object({ events: z.array(z.object({ type: z.string(), time: z.string() })) });

const listSchema = z.object({ tenants: z.array(z.object({ tenant_id: z.string() })) });

export interface NewTenant {
  tenant_id: string;
  tier: string;
}

/** The registry's HTTP API as a caller uses it. */
export interface RegistryClient extends AsyncDisposable {
  /** Resolves when the creation is accepted (202); throws with the answer otherwise. */
  create(tenant: NewTenant, idempotencyKey?: string): Promise<void>;
  /** A command about a tenant, e.g. `suspend`; throws with the answer unless it is accepted. */
  ask(tenantId: string, command: string, body: object): Promise<void>;
  get(tenantId: string): Promise<TenantView>;
  /** Ids in a page of the list, in their order, from the one that follows `after` on. */
  list(page: { after: string; limit: number }): Promise<string[]>;
  /** The tenant's events, oldest first, with the time each was recorded. */
  history(tenantId: string): Promise<{ type: string; time: Date }[]>;
}

/** `connections` requests can be under way at once; each connection is kept alive. */
export function createRegistryClient(origin: string, token: string, connections: number): RegistryClient {
  const pool = new Pool(origin, { connections, pipelining: 1 });
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };

  async function get(path: string): Promise<unknown> {
    const { statusCode, body } = await pool.request({ method: 'GET', path, headers });
    if (statusCode !== 200) throw new Error(`GET ${path}: ${statusCode} ${await body.text()}`);
    return body.json();
  }

  return {
    async create({ tenant_id, tier }, idempotencyKey) {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: '/v1/tenants',
        headers: idempotencyKey === undefined ? headers : { ...headers, 'idempotency-key': idempotencyKey },
        body: JSON.stringify({ tenant_id, tier, tenant_name: `Bench ${tenant_id}`, owner_email: 'owner@bench.example' }),
      });
      const text = await body.text();
      if (statusCode !== 202) throw new Error(`The creation of ${tenant_id} was answered with ${statusCode}: ${text}`);
    },
    async ask(tenantId, command, asked) {
      const path = `/v1/tenants/${tenantId}/${command}`;
      const { statusCode, body } = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(asked) });
      const text = await body.text();
      if (statusCode >= 300) throw new Error(`POST ${path}: ${statusCode} ${text}`);
    },
    get: async (tenantId) => tenantSchema.parse(await get(`/v1/tenants/${tenantId}`)),
    async list({ after, limit }) {
      const cursor = Buffer.from(after).toString('base64url');
      const { tenants } = listSchema.parse(await get(`/v1/tenants?limit=${limit}&cursor=${cursor}`));
      return tenants.map((tenant) => tenant.tenant_id);
    },
    async history(tenantId) {
      const { events } = historySchema.parse(await get(`/v1/tenants/${tenantId}/events`));
      return events.map(({ type, time }) => ({ type, time: new Date(time) }));
    },
    async [Symbol.asyncDispose]() {
      await pool.close();
    },
  };
}
