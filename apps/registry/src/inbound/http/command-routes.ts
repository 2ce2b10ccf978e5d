import { eventId, type CommandHandler, type EventMetadata, type HandleOptions } from '@ultracore/event-sourcing';
import { ProblemError, type HttpServer } from '@ultracore/service';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Pool } from 'pg';
import type { BoundaryName } from '../../boundaries.ts';
import { createRequestMemory, type RequestMemory } from '../../store/idempotency-keys.ts';
import { streamOf } from '../../tenant/codec.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';
import type { Creation } from '../creation.ts';
import { actorOf, checkCreation, creatorOf } from './access.ts';
import { notFound } from './problems.ts';
import { derivedTenantId, fingerprintOf, requestIdOf } from './request-ids.ts';
import {
  conditionalHeaders,
  createTenantBody,
  emptyBody,
  idempotencyHeaders,
  tenantParams,
  tenantView,
  terminateBody,
  type CreateTenantBody,
  type TenantView,
} from './schemas.ts';
import { etagOf, toView } from './views.ts';

interface Deps {
  readonly commands: CommandHandler<TenantState, TenantCommand, TenantEvent>;
  readonly pool: Pool;
  readonly creation: Creation;
  readonly onBoundary: (name: BoundaryName) => void;
}

const accepted = { 202: tenantView.describe('Accepted: watch the tenant at its Location.') };
const CREATE = 'POST /v1/tenants';
/** For which the data of a terminated tenant is kept when nobody says otherwise. */
const DEFAULT_RETENTION_DAYS = 30;

/** Create, retry and terminate: what changes a tenant and finishes later. */
export function addCommandRoutes(server: HttpServer, { commands, pool, creation, onBoundary }: Deps): void {
  const memory = createRequestMemory(pool);
  const decide = async (reply: FastifyReply, tenantId: string, command: TenantCommand, options: HandleOptions<TenantEvent>) => {
    onBoundary('append:before');
    const { state } = await commands.handle(streamOf(tenantId), command, options);
    onBoundary('append:after');
    return answer(reply, state);
  };

  server.post(
    '/v1/tenants',
    {
      config: { roles: ['operator', 'creator'] },
      schema: { summary: 'Create a tenant', headers: idempotencyHeaders, body: createTenantBody, response: accepted },
    },
    async (request, reply) => {
      const { body, principal } = request;
      checkCreation(principal, body);
      const key = request.headers['idempotency-key'];
      const fingerprint = fingerprintOf(body);
      const requestId = requestIdOf(principal.subject, CREATE, key, fingerprint);
      const wantedId = body.tenant_id ?? derivedTenantId(requestId);
      const { tenantId, isNew } = await identify(memory, principal.subject, { key, fingerprint, tenantId: wantedId });
      const createdBy = body.created_by ?? creatorOf(principal);
      const command = creation.command(toWanted(body, tenantId, createdBy), {
        requestId: eventId(requestId, 0),
        now: new Date().toISOString(),
      });
      return decide(reply, tenantId, command, { ...causedBy(request, requestId), assumeNew: isNew });
    },
  );

  server.post(
    '/v1/tenants/:tenant_id/retry',
    {
      config: { roles: ['operator'] },
      schema: {
        summary: 'Provision a tenant once more whose provisioning failed, or has not ended in fifteen minutes',
        params: tenantParams,
        headers: conditionalHeaders,
        body: emptyBody,
        response: accepted,
      },
    },
    async (request, reply) => {
      const { tenant_id: tenantId } = request.params;
      const requestId = requestIdOf(
        request.principal.subject,
        `POST /v1/tenants/${tenantId}/retry`,
        request.headers['idempotency-key'],
      );
      const command: TenantCommand = {
        type: 'RetryProvisioning',
        requestId: eventId(requestId, 0),
        by: actorOf(request.principal),
        now: new Date().toISOString(),
        ...condition(request.headers['if-match']),
      };
      return decide(reply, tenantId, command, causedBy(request, requestId));
    },
  );

  server.post(
    '/v1/tenants/:tenant_id/terminate',
    {
      config: { roles: ['operator'] },
      schema: {
        summary: 'Terminate a tenant that never became active',
        params: tenantParams,
        headers: conditionalHeaders,
        body: terminateBody,
        response: accepted,
      },
    },
    async (request, reply) => {
      const { tenant_id: tenantId } = request.params;
      const requestId = requestIdOf(
        request.principal.subject,
        `POST /v1/tenants/${tenantId}/terminate`,
        request.headers['idempotency-key'],
      );
      const command: TenantCommand = {
        type: 'TerminateTenant',
        reason: request.body.reason,
        by: actorOf(request.principal),
        dataRetentionDays: request.body.data_retention_days ?? DEFAULT_RETENTION_DAYS,
        now: new Date().toISOString(),
        ...condition(request.headers['if-match']),
      };
      return decide(reply, tenantId, command, causedBy(request, requestId));
    },
  );
}

/** Which tenant is meant, and whether it is worth trying without a look at its stream. Throws 422 for a key that was used otherwise. */
async function identify(
  memory: RequestMemory,
  principal: string,
  { key, fingerprint, tenantId }: { key: string | undefined; fingerprint: Buffer; tenantId: string },
): Promise<{ tenantId: string; isNew: boolean }> {
  if (key === undefined) return { tenantId, isNew: true };
  const remembered = await memory.remember({ principal, route: CREATE, key, fingerprint, tenantId });
  if (!remembered.same) {
    throw new ProblemError({
      status: 422,
      code: 'idempotency_key_reused',
      detail: 'This Idempotency-Key was used in the last 24 hours for a different request. Use a new key for a new request.',
      field: 'idempotency-key',
    });
  }
  return { tenantId: remembered.tenantId, isNew: remembered.first };
}

function toWanted(body: CreateTenantBody, tenantId: string, createdBy: string) {
  const { tenant_id: _, tenant_name: tenantName, tier, owner_email: ownerEmail, created_by: __, server, ...settings } = body;
  return { tenantId, tenantName, tier, ownerEmail, createdBy, server, settings };
}

function causedBy(request: FastifyRequest, requestId: string): HandleOptions<TenantEvent> {
  const metadata: EventMetadata = {
    actor: actorOf(request.principal),
    correlationId: request.correlationId,
    causationId: requestId,
    traceparent: request.traceparent,
  };
  return { requestId, metadata };
}

/** `*` asks only that there be a tenant, which every command does by itself. */
const condition = (ifMatch: string | undefined): { ifMatch?: number } =>
  ifMatch === undefined || ifMatch === '*' ? {} : { ifMatch: Number(ifMatch.slice(1, -1)) };

function answer(reply: FastifyReply, state: TenantState): TenantView {
  if (state.status === 'none') throw notFound();
  void reply.status(202).headers({ location: `/v1/tenants/${state.tenantId}`, etag: etagOf(state) });
  return toView(state);
}
