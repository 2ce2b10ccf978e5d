import type { EventLog } from '../log/event-log.ts';
import { LINK_EVENT_TYPE } from '../log/stream-metadata.ts';
import type { EventRecord } from '../storage/record.ts';
import type { ReadRequest } from '../wire/read-request.ts';
import { eventFrame, eventFrames } from '../wire/responses.ts';

/** Frames of events that many readers follow, kept as long as the events themselves are in memory. */
const shared = new WeakMap<EventRecord, Buffer>();

/**
 * How a reader gets its events, several in one buffer: with ids in its form and, when it asked for that, what links point at instead of the
 * links. Those that `areShared` (they stay in memory, near the head) are encoded once for all their readers.
 */
export function createEventEncoder(log: EventLog, { resolveLinks, idsAsText }: ReadRequest) {
  const frameOf = (record: EventRecord, isShared: boolean): Buffer => {
    if (resolveLinks && record.type === LINK_EVENT_TYPE) return eventFrame(targetOf(log, record), record, idsAsText);
    if (!isShared) return eventFrame(record, undefined, idsAsText);
    let frame = shared.get(record);
    if (!frame) {
      frame = eventFrame(record, undefined, idsAsText);
      shared.set(record, frame);
    }
    return frame;
  };
  return (records: readonly EventRecord[], areShared = false): Buffer => {
    const isShared = areShared && idsAsText;
    return resolveLinks || isShared
      ? Buffer.concat(records.map((record) => frameOf(record, isShared)))
      : eventFrames(records, idsAsText);
  };
}

/** A link's data is `<revision>@<stream>`. */
function targetOf(log: EventLog, link: EventRecord): EventRecord | undefined {
  const text = Buffer.from(link.data).toString('utf8');
  const at = text.indexOf('@');
  const revision = Number(text.slice(0, at));
  return at > 0 && Number.isSafeInteger(revision) ? log.eventAt(text.slice(at + 1), revision) : undefined;
}
