import { eventId, type CommandHandler } from '@ultracore/event-sourcing';
import type { HttpServer } from '@ultracore/service';
import type { BoundaryName } from '../../boundaries.ts';
import type { RequestMemory } from '../../store/idempotency-keys.ts';
import { streamOf } from '../../tenant/codec.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';
import type { Creation } from '../creation.ts';
import { checkCreation, creatorOf } from './access.ts';
import { accepted, answer, causedBy } from './answer.ts';
import { keyReused } from './problems.ts';
import { derivedTenantId, fingerprintOf, requestIdOf } from './request-ids.ts';
import { createTenantBody, idempotencyHeaders, type CreateTenantBody } from './schemas.ts';

interface Deps {
  readonly commands: CommandHandler<TenantState, TenantCommand, TenantEvent>;
  readonly memory: RequestMemory;
  readonly creation: Creation;
  readonly onBoundary: (name: BoundaryName) => void;
}

const CREATE = 'POST /v1/tenants';

export function addCreateRoute(server: HttpServer, { commands, memory, creation, onBoundary }: Deps): void {
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
      const keyed = key === undefined ? undefined : { key, fingerprint: fingerprintOf(body) };
      const requestId = requestIdOf(principal.subject, CREATE, key, keyed?.fingerprint);
      const wantedId = body.tenant_id ?? derivedTenantId(requestId);
      const { tenantId, isNew } = keyed
        ? await identify(memory, principal.subject, { ...keyed, tenantId: wantedId })
        : { tenantId: wantedId, isNew: true };
      const createdBy = body.created_by ?? creatorOf(principal);
      const firstEventId = eventId(requestId, 0);
      if (!isNew) {
        // Before it is resolved: what this deployment creates now may be another than what it did then.
        const { state, ids } = await commands.load(streamOf(tenantId));
        if (ids.has(firstEventId)) return answer(reply, state);
      }
      const command = await creation.command(toWanted(body, tenantId, createdBy), {
        requestId: firstEventId,
        now: new Date().toISOString(),
      });
      onBoundary('append:before');
      const { state } = await commands.handle(streamOf(tenantId), command, {
        ...causedBy(request, requestId),
        firstEventId,
        assumeNew: isNew,
      });
      onBoundary('append:after');
      return answer(reply, state);
    },
  );
}

/** Which tenant is meant, and whether it is worth trying without a look at its stream. Throws 422 for a key that was used otherwise. */
async function identify(
  memory: RequestMemory,
  principal: string,
  { key, fingerprint, tenantId }: { key: string; fingerprint: Buffer; tenantId: string },
): Promise<{ tenantId: string; isNew: boolean }> {
  const remembered = await memory.remember({ principal, route: CREATE, key, fingerprint, tenantId });
  if (!remembered.same) throw keyReused();
  return { tenantId: remembered.tenantId, isNew: remembered.first };
}

function toWanted(body: CreateTenantBody, tenantId: string, createdBy: string) {
  const { tenant_id: _, tenant_name: tenantName, tier, owner_email: ownerEmail, created_by: __, server, ...settings } = body;
  return { tenantId, tenantName, tier, ownerEmail, createdBy, server, settings };
}
