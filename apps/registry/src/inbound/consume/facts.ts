import { ack, deadLetter, retryAfter, stopConsumer, type Fate, type InMessage } from '@ultracore/kafka';
import { type CommandHandler, isCommandRefused, isEventSourcingError, isVersionConflict } from '@ultracore/event-sourcing';
import { isEventStoreDbError } from '@ultracore/eventstoredb';
import type { Logger } from '@ultracore/service';
import type { BoundaryName } from '../../boundaries.ts';
import { streamOf } from '../../tenant/codec.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';
import { readFact } from './read-fact.ts';

const CONFLICT_RETRY_MS = 50;
const STORE_RETRY_MS = 1_000;

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
      const final = finalFate(error);
      if (final) return final;
      if (isVersionConflict(error)) return retryAfter(CONFLICT_RETRY_MS, error.message);
      logger.warn({ err: error, tenant_id: read.tenantId, type: envelope.type }, 'a fact could not be recorded yet');
      return retryAfter(STORE_RETRY_MS, 'the event store does not take it at the moment');
    }
  };
}

/** What becomes of a fact whose recording would fail the same way however often it is tried; undefined when trying again may help. */
function finalFate(error: unknown): Fate | undefined {
  if (isCommandRefused(error)) return deadLetter(`${error.code}: ${error.detail}`);
  if (isEventSourcingError(error)) {
    if (error.code === 'event_not_publishable') return deadLetter(`${error.code}: ${error.message}`);
    // This program is older than the stream. The fact is good: a newer registry must get it.
    if (error.code === 'unknown_event_type') return stopConsumer(error.message);
  }
  if (isEventStoreDbError(error) && (error.code === 'stream_deleted' || error.code === 'append_too_large')) {
    return deadLetter(`${error.code}: ${error.message}`);
  }
  return undefined;
}
