import { type EventRecord, lengthInLog } from '../storage/record.ts';
import type { PageLimit } from '../storage/storage.ts';

const MOST_EVENTS = 8_192;
const MOST_BYTES = 8 * 1024 * 1024;

/** The newest events in memory, so that readers at the head cost no query. Bounded in events and bytes. */
export function createTail(head: number) {
  let records: EventRecord[] = [];
  let dropped = 0;
  let bytes = 0;
  /** Every event after this position is in memory. */
  let completeAfter = head;

  const dropOldest = () => {
    while (records.length - dropped > MOST_EVENTS || (bytes > MOST_BYTES && records.length - dropped > 1)) {
      const oldest = records[dropped];
      if (!oldest) break;
      dropped += 1;
      bytes -= lengthInLog(oldest);
      completeAfter = oldest.position;
    }
    if (dropped > MOST_EVENTS) {
      records = records.slice(dropped);
      dropped = 0;
    }
  };

  /** Index of the first record after a position. */
  const indexAfter = (position: number): number => {
    let [low, high] = [dropped, records.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((records[middle]?.position ?? Infinity) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  return {
    push(added: readonly EventRecord[]): void {
      for (const record of added) {
        records.push(record);
        bytes += lengthInLog(record);
      }
      dropOldest();
    },
    /** Undefined when events after that position are no longer in memory. */
    pageAfter(position: number, limit: PageLimit): EventRecord[] | undefined {
      if (position < completeAfter) return undefined;
      const start = indexAfter(position);
      let [end, size] = [start, 0];
      while (end < records.length && end - start < limit.events && size < limit.bytes) {
        const record = records[end];
        size += record ? lengthInLog(record) : 0;
        end += 1;
      }
      return records.slice(start, end);
    },
  };
}
