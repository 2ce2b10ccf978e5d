import { TENANT_ID_PATTERN } from '@ultracore/contracts';
import type { CommandHandler, EventStore, StoredEvent } from '@ultracore/event-sourcing';
import type { Authenticator, HttpServer, Principal } from '@ultracore/service';
import type { z } from 'zod';
import { streamOf } from '../../tenant/codec.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { ExistingTenant, TenantState } from '../../tenant/state.ts';
import { checkReading } from './access.ts';
import { fromCursor, toCursor } from './cursor.ts';
import { wantsEventStream } from './live/event-stream.ts';
import { createLiveHistory } from './live/live-history.ts';
import type { News } from './live/news.ts';
import { notFound } from './problems.ts';
import {
  grantList,
  history,
  historyHeaders,
  historyQuery,
  listQuery,
  type listedTenant,
  tenantList,
  tenantParams,
  tenantView,
} from './schemas.ts';
import { etagOf, toView } from './views.ts';

/** A page of the read model, in the order of ids. */
export type ListTenants = (query: {
  status?: string | undefined;
  tier?: string | undefined;
  drift?: boolean | undefined;
  after?: string | undefined;
  limit: number;
}) => Promise<z.infer<typeof listedTenant>[]>;

/** An event by its public name and body. */
export type DescribeEvent = (stored: StoredEvent) => { type: string; time: string; body: Readonly<Record<string, unknown>> };

interface Deps {
  readonly commands: CommandHandler<TenantState, TenantCommand, TenantEvent>;
  readonly store: EventStore;
  readonly news: News;
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  /** Of live histories, in milliseconds; the default is theirs. */
  readonly heartbeatMs?: number;
  readonly listTenants: ListTenants;
  readonly describeEvent: DescribeEvent;
}

const REVISION = /^\d{1,15}$/;

/** One tenant and its history from its stream; lists from the read model. */
export function addReadRoutes(server: HttpServer, deps: Deps): void {
  const { commands, store, listTenants, describeEvent, authenticator } = deps;
  const serveLive = createLiveHistory(server, deps);
  const load = async (tenantId: string, principal: Principal): Promise<ExistingTenant> => {
    const { state } = await commands.load(streamOf(tenantId));
    if (state.status === 'none') throw notFound();
    checkReading(principal, state);
    return state;
  };

  server.get(
    '/v1/tenants/:tenant_id',
    {
      config: { roles: ['operator', 'auditor', 'creator'] },
      schema: { summary: 'One tenant, as of now', params: tenantParams, response: { 200: tenantView } },
    },
    async (request, reply) => {
      const tenant = await load(request.params.tenant_id, request.principal);
      void reply.header('etag', etagOf(tenant));
      return toView(tenant);
    },
  );

  server.get(
    '/v1/tenants/:tenant_id/grants',
    {
      config: { roles: ['operator', 'auditor'] },
      schema: { summary: 'Who has access to a tenant', params: tenantParams, response: { 200: grantList } },
    },
    async (request) => {
      const { grants } = await load(request.params.tenant_id, request.principal);
      return { grants: grants.map(({ userId, role }) => ({ user_id: userId, role })) };
    },
  );

  server.get(
    '/v1/tenants',
    {
      config: { roles: ['operator', 'auditor'] },
      schema: {
        summary: 'Tenants in the order of their ids, page by page',
        querystring: listQuery,
        response: { 200: tenantList },
      },
    },
    async (request) => {
      const { status, tier, drift, cursor, limit } = request.query;
      const tenants = await listTenants({ status, tier, drift, after: fromCursor(cursor, TENANT_ID_PATTERN), limit: limit + 1 });
      const page = tenants.slice(0, limit);
      const last = tenants.length > limit ? page.at(-1) : undefined;
      return { tenants: page, next_cursor: last ? toCursor(last.tenant_id) : null };
    },
  );

  server.get(
    '/v1/tenants/:tenant_id/events',
    {
      config: { roles: ['operator', 'auditor', 'creator'] },
      schema: {
        summary: 'Everything that happened to a tenant, in order, with who and why',
        description:
          'With `accept: text/event-stream` live, as server-sent events: all events after `last-event-id` (a revision; from the first without it), then each as it happens. `data` is an entry of `events`.',
        params: tenantParams,
        querystring: historyQuery,
        headers: historyHeaders,
        response: { 200: history },
      },
    },
    async (request, reply) => {
      const { tenant_id: tenantId } = request.params;
      const { cursor, limit } = request.query;
      await load(tenantId, request.principal);
      if (wantsEventStream(request.headers.accept)) {
        const { 'last-event-id': last } = request.headers;
        const { authorization } = request.raw.headers;
        return serveLive(request, reply, {
          streamName: streamOf(tenantId),
          after: last === undefined ? undefined : BigInt(last),
          check: async () => void (await load(tenantId, await authenticator.authenticate(authorization))),
          toEntry: (stored) => toEntry(stored, describeEvent),
        });
      }
      const fromRevision = BigInt(fromCursor(cursor, REVISION) ?? 0);
      const { events } = await store.readStream(streamOf(tenantId), { fromRevision, maxCount: limit + 1 });
      const next = events[limit];
      return {
        events: events.slice(0, limit).map((stored) => toEntry(stored, describeEvent)),
        next_cursor: next ? toCursor(String(next.revision)) : null,
      };
    },
  );
}

function toEntry(stored: StoredEvent, describeEvent: DescribeEvent) {
  const { type, time, body } = describeEvent(stored);
  const { actor, correlationId, causationId } = stored.metadata;
  return {
    event_id: stored.id,
    type,
    revision: Number(stored.revision),
    time,
    actor: actor ?? null,
    correlation_id: correlationId ?? null,
    causation_id: causationId ?? null,
    data: Object.fromEntries(Object.entries(body).filter(([field]) => isShown(field))),
  };
}

/** Ids stand beside the data already; a password is not shown even when it is sealed. */
const isShown = (field: string): boolean => field !== 'event_id' && field !== 'tenant_id' && !field.includes('password');
