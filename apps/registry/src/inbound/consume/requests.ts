import { messageByType, toReason, type MessageOf } from '@ultracore/contracts';
import { eventId, isCommandRefused, isVersionConflict, type CommandHandler, type EventStore } from '@ultracore/event-sourcing';
import { ack, deadLetter, type Fate, type InMessage } from '@ultracore/kafka';
import type { Logger } from '@ultracore/service';
import { answerCodec, answerStreamOf } from '../../request/answer.ts';
import { streamOf } from '../../tenant/codec.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';
import type { Creation } from '../creation.ts';
import type { Servers } from '../servers.ts';
import { fateOf, unstorable } from './fate-of-failure.ts';
import { toCommand, type RequestName } from './requested-command.ts';

export interface RequestHandlerDeps {
  readonly commands: CommandHandler<TenantState, TenantCommand, TenantEvent>;
  readonly store: EventStore;
  readonly creation: Creation;
  readonly servers: Servers;
  /** What may be asked for by Kafka in this deployment. */
  readonly allowed: ReadonlySet<RequestName>;
  readonly logger: Logger;
}

const CANNOT_BE_STORED = 'What this leads to cannot be stored, so nothing was done. The log of the registry says why.';

type Request = MessageOf<'TenantCommandRequestedEvent'>;

/**
 * Decides what other products ask for by Kafka, as if an operator had asked by HTTP. A request is answered once: by the events it leads
 * to, or by a refusal in a stream of its own, which the relay publishes. Coming again it changes nothing.
 */
export function createRequestHandler(deps: RequestHandlerDeps): (message: InMessage) => Promise<Fate> {
  const { commands, store, creation, servers, allowed, logger } = deps;

  const decide = async (request: Request, { envelope }: InMessage): Promise<void> => {
    const { tenant_id: tenantId, request_id: requestId, requested_by: actor } = request;
    const now = new Date().toISOString();
    const { state, ids } = await commands.load(streamOf(tenantId));
    // Before anything is asked of the configuration, which may have changed since.
    if (ids.has(eventId(requestId, 0))) return;
    const tenant = state.status === 'none' ? null : state;
    await commands.handle(streamOf(tenantId), await toCommand(request, { creation, servers, tenant, now }), {
      requestId,
      metadata: {
        actor,
        causationId: requestId,
        ...(envelope.correlationId === undefined ? {} : { correlationId: envelope.correlationId }),
        ...(envelope.traceparent === undefined ? {} : { traceparent: envelope.traceparent }),
      },
    });
  };

  const reject = async ({ request_id: requestId, tenant_id: tenantId }: Request, code: string, detail: string): Promise<void> => {
    const data = { requestId, tenantId, code, detail: toReason(detail), rejectedAt: new Date().toISOString() };
    const event = { id: eventId(requestId, 'rejected'), ...answerCodec.encode({ type: 'CommandRejected', data }), metadata: {} };
    try {
      await store.append(answerStreamOf(requestId), [event], 'no_stream');
    } catch (error) {
      // It was answered while this one was on its way.
      if (!isVersionConflict(error)) throw error;
    }
  };

  const answer = async (request: Request, message: InMessage): Promise<void> => {
    // What was refused stays refused, even if it would be possible by now.
    if ((await store.readStream(answerStreamOf(request.request_id), { maxCount: 1 })).exists) return;
    if (!allowed.has(request.command.name)) {
      return reject(request, 'command_not_allowed', `${request.command.name} cannot be asked for by Kafka here: ask by HTTP.`);
    }
    try {
      await decide(request, message);
    } catch (error) {
      if (isCommandRefused(error)) return reject(request, error.code, error.detail);
      const fault = unstorable(error);
      if (!fault) throw error;
      // For whoever asked it is a refusal; what is wrong is for the operator.
      logger.error(
        { err: error, request_id: request.request_id, tenant_id: request.tenant_id },
        'what was decided cannot be stored',
      );
      await reject(request, fault.code, CANNOT_BE_STORED);
    }
  };

  return async (message) => {
    if (message.envelope.type !== 'TenantCommandRequestedEvent') return ack();
    const parsed = messageByType('TenantCommandRequestedEvent').schema.safeParse(message.body);
    if (!parsed.success) return deadLetter('not a request');
    try {
      await answer(parsed.data, message);
      return ack();
    } catch (error) {
      return fateOf(error, (cause) =>
        logger.warn({ err: cause, request_id: parsed.data.request_id }, 'a request could not be decided yet'),
      );
    }
  };
}
