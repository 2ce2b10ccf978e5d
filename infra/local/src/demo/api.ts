import { z } from 'zod';
import { LauncherError } from '../errors.ts';
import type { Stack } from '../stack-file.ts';

const tenantSchema = z.object({
  tenant_id: z.string(),
  tier: z.string(),
  status: z.string(),
  db_name: z.string().nullable(),
  schema_name: z.string().nullable(),
  failure: z.object({ step: z.string(), reason: z.string() }).nullish(),
});
const historySchema = z.object({
  events: z.array(
    z.object({
      event_id: z.string(),
      type: z.string(),
      revision: z.number(),
      time: z.string(),
      data: z.record(z.string(), z.unknown()),
    }),
  ),
  next_cursor: z.string().nullable(),
});
const problemSchema = z.object({ code: z.string(), detail: z.string() });

export type Tenant = z.infer<typeof tenantSchema>;
export type TenantEvent = z.infer<typeof historySchema>['events'][number];

export interface NewTenant {
  tenant_id: string;
  tenant_name: string;
  tier: string;
  owner_email: string;
}

/** The platform's HTTP API as an operator sees it. A refusal is a `LauncherError` with the problem's own words. */
export interface Api {
  exists(tenantId: string): Promise<boolean>;
  /** Creates it; one that is there already is as good. */
  create(tenant: NewTenant, idempotencyKey: string): Promise<void>;
  get(tenantId: string): Promise<Tenant>;
  /** All events of the tenant after the revision, oldest first. */
  eventsAfter(tenantId: string, revision: number): Promise<TenantEvent[]>;
}

export function createApi(stack: Stack): Api {
  const { edge_url: origin, tokens } = stack;
  if (origin === undefined || tokens === undefined) {
    throw new LauncherError(
      'not_running',
      'The running stack has no services (it was started with --only or --backends-only): stop it and run this again.',
    );
  }
  const call = async (path: string, init: { method?: string; headers?: Record<string, string>; body?: string } = {}) => {
    const headers = { authorization: `Bearer ${tokens.operator}`, ...init.headers };
    const response = await fetch(`${origin}${path}`, { ...init, headers, signal: AbortSignal.timeout(30_000) });
    const body: unknown = await response.json();
    if (response.ok) return { status: response.status, body };
    const problem = problemSchema.safeParse(body);
    return { status: response.status, body, code: problem.data?.code ?? 'unknown', detail: problem.data?.detail ?? 'no detail' };
  };
  const demand = async (path: string) => {
    const answer = await call(path);
    if (answer.code === undefined) return answer.body;
    throw new LauncherError('service_failed', `GET ${path} was answered ${answer.status} ${answer.code}: ${answer.detail}`);
  };
  const get = async (tenantId: string) => tenantSchema.parse(await demand(`/v1/tenants/${tenantId}`));

  return {
    get,
    exists: async (tenantId) => (await call(`/v1/tenants/${tenantId}`)).status !== 404,
    async create(tenant, idempotencyKey) {
      const headers = { 'content-type': 'application/json', 'idempotency-key': idempotencyKey };
      const answer = await call('/v1/tenants', { method: 'POST', headers, body: JSON.stringify(tenant) });
      // The key is kept for a day; the tenant for longer, and then it is a conflict.
      if (answer.code === undefined || answer.status === 409) return;
      throw new LauncherError(
        'service_failed',
        `Creating ${tenant.tenant_id} was refused, ${answer.status} ${answer.code}: ${answer.detail}`,
      );
    },
    async eventsAfter(tenantId, revision) {
      const events: TenantEvent[] = [];
      let cursor = '';
      do {
        const page = historySchema.parse(
          await demand(`/v1/tenants/${tenantId}/events?limit=200${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`),
        );
        events.push(...page.events.filter((event) => event.revision > revision));
        cursor = page.next_cursor ?? '';
      } while (cursor !== '');
      return events;
    },
  };
}
