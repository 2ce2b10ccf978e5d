import { isCommandRefused, isEventSourcingError, isVersionConflict } from '@ultracore/event-sourcing';
import { isEventStoreDbError } from '@ultracore/eventstoredb';
import { deadLetter, retryAfter, stopConsumer, type Fate } from '@ultracore/kafka';

const CONFLICT_RETRY_MS = 50;
const STORE_RETRY_MS = 1_000;

/** What becomes of a message whose effect could not be appended. `onWaiting` is told when it is the event store that must come back. */
export function fateOf(error: unknown, onWaiting: (error: unknown) => void): Fate {
  const final = finalFate(error);
  if (final) return final;
  if (isVersionConflict(error)) return retryAfter(CONFLICT_RETRY_MS, error.message);
  onWaiting(error);
  return retryAfter(STORE_RETRY_MS, 'the event store does not take it at the moment');
}

/** Why what was decided can never be stored; undefined for whatever else went wrong. */
export function unstorable(error: unknown): { readonly code: string; readonly message: string } | undefined {
  if (isEventSourcingError(error) && error.code === 'event_not_publishable') return error;
  if (isEventStoreDbError(error) && (error.code === 'stream_deleted' || error.code === 'append_too_large')) return error;
  return undefined;
}

/** What becomes of a message that would fail the same way however often it is tried; undefined when trying again may help. */
function finalFate(error: unknown): Fate | undefined {
  if (isCommandRefused(error)) return deadLetter(`${error.code}: ${error.detail}`);
  const fault = unstorable(error);
  if (fault) return deadLetter(`${fault.code}: ${fault.message}`);
  // This program is older than the stream. The message is good: a newer registry must get it.
  if (isEventSourcingError(error) && error.code === 'unknown_event_type') return stopConsumer(error.message);
  return undefined;
}
