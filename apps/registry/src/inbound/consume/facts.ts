import { ack, deadLetter, type Fate, type InMessage } from '@ultracore/kafka';
import type { CommandHandler } from '@ultracore/event-sourcing';
import type { Logger } from '@ultracore/service';
import type { BoundaryName } from '../../boundaries.ts';
import { streamOf } from '../../tenant/codec.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';
import { fateOf } from './fate-of-failure.ts';
import { readFact } from './read-fact.ts';

/**
 * Records facts in the streams of their tenants. A message is done when its append is durable; one that comes again finds its id in the
 * stream and is done without an append. What is no fact, is about a tenant that never was, or can be stored or published by nobody goes
 * to the dead letters. A stream that a newer program has written to stops the consumer: nothing is passed over.
 */
export function createFactHandler(deps: {
  commands: CommandHandler<TenantState, TenantCommand, TenantEvent>;
  logger: Logger;
  onBoundary: (name: BoundaryName) => void;
}): (message: InMessage) => Promise<Fate> {
  const { commands, logger, onBoundary } = deps;
  return async (message) => {
    const read = readFact(message);
    if (!read.ok) return deadLetter(read.reason);
    const { envelope } = message;
    const { fact } = read;
    const base = {
      actor: envelope.source,
      ...(envelope.correlationId === undefined ? {} : { correlationId: envelope.correlationId }),
      ...(envelope.traceparent === undefined ? {} : { traceparent: envelope.traceparent }),
    };
    try {
      onBoundary('fact:append:before');
      await commands.handle(
        streamOf(read.tenantId),
        { type: 'RecordFact', fact, now: new Date().toISOString() },
        {
          requestId: envelope.id,
          firstEventId: envelope.id,
          // A fact is caused by its request; what the registry decides upon it is caused by the fact.
          metadata: (_event, n) => ({ ...base, causationId: n === 0 ? fact.data.requestId : envelope.id }),
        },
      );
      onBoundary('fact:append:after');
      return ack();
    } catch (error) {
      return fateOf(error, (cause) =>
        logger.warn({ err: cause, tenant_id: read.tenantId, type: envelope.type }, 'a fact could not be recorded yet'),
      );
    }
  };
}
