import type { EventLog } from '../log/event-log.ts';
import { LINK_EVENT_TYPE } from '../log/stream-metadata.ts';
import type { EventRecord } from '../storage/record.ts';
import type { ReadRequest } from '../wire/read-request.ts';
import { eventFrame } from '../wire/responses.ts';

/** Frames of events that many readers follow, kept as long as the events themselves are in memory. */
const shared = new WeakMap<EventRecord, Buffer>();

/**
 * How a reader gets its events: with ids in its form and, when it asked for that, what links point at instead of the links. An event that
 * `isShared` (it stays in memory, near the head) is encoded once for all its readers.
 */
export function createEventEncoder(log: EventLog, { resolveLinks, idsAsText }: ReadRequest) {
  return (record: EventRecord, isShared = false): Buffer => {
    if (resolveLinks && record.type === LINK_EVENT_TYPE) return eventFrame(targetOf(log, record), record, idsAsText);
    if (!isShared || !idsAsText) return eventFrame(record, undefined, idsAsText);
    let frame = shared.get(record);
    if (!frame) {
      frame = eventFrame(record, undefined, idsAsText);
      shared.set(record, frame);
    }
    return frame;
  };
}

/** A link's data is `<revision>@<stream>`. */
function targetOf(log: EventLog, link: EventRecord): EventRecord | undefined {
  const text = Buffer.from(link.data).toString('utf8');
  const at = text.indexOf('@');
  const revision = Number(text.slice(0, at));
  return at > 0 && Number.isSafeInteger(revision) ? log.eventAt(text.slice(at + 1), revision) : undefined;
}
