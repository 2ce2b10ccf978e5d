import type { EventMetadata, HandleOptions } from '@ultracore/event-sourcing';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';
import { actorOf } from './access.ts';
import { notFound } from './problems.ts';
import { tenantView, type TenantView } from './schemas.ts';
import { etagOf, toView } from './views.ts';

/** The answer to every command. */
export const accepted = { 202: tenantView.describe('Accepted: watch the tenant at its Location.') };

/** The tenant as it is after a command. What the command leads to elsewhere is still to happen. */
export function answer(reply: FastifyReply, state: TenantState): TenantView {
  if (state.status === 'none') throw notFound();
  void reply.status(202).headers({ location: `/v1/tenants/${state.tenantId}`, etag: etagOf(state) });
  return toView(state);
}

/** Who and what an event goes back to, for its record. */
export function causedBy(request: FastifyRequest, requestId: string): HandleOptions<TenantEvent> {
  const metadata: EventMetadata = {
    actor: actorOf(request.principal),
    correlationId: request.correlationId,
    causationId: requestId,
    traceparent: request.traceparent,
  };
  return { requestId, metadata };
}
