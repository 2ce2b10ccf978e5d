import type { EventStoreDBClient } from '@eventstore/db-client';
import { collect, readHead } from './read.ts';

export interface WatchdogOptions {
  readonly prefixes: readonly string[];
  readonly everyMs: number;
  /** Up to where everything was delivered. */
  readonly position: () => bigint | undefined;
  /** The consumer has nothing to do: whatever the log holds should be on its way. */
  readonly isIdle: () => boolean;
  readonly onStalled: (reason: string) => void;
}

/** So many events of the log are looked through at a time. */
const PAGE = 250;
const READ_TIMEOUT_MS = 5_000;

/**
 * A subscription can stop without an error. So, while nothing arrives, the log itself is asked: an event that is wanted, lies after what was
 * delivered and is still not there at the next look means that the subscription is dead.
 */
export function createWatchdog(client: EventStoreDBClient, options: WatchdogOptions) {
  const { prefixes, everyMs, position, isIdle, onStalled } = options;
  /** Up to here nothing was found that is wanted. */
  let searched = position();
  /** Found at the last look and not yet delivered. */
  let missing: bigint | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  const look = async (): Promise<void> => {
    const delivered = position();
    if (missing !== undefined && (delivered ?? -1n) < missing) {
      onStalled(`the event at position ${missing} was not delivered within ${everyMs} ms`);
      return;
    }
    missing = undefined;
    if (delivered !== undefined && delivered > (searched ?? -1n)) searched = delivered;
    const head = await readHead(client, READ_TIMEOUT_MS);
    if (head === undefined || head <= (searched ?? -1n)) return;
    await search();
  };

  const search = async (): Promise<void> => {
    const from = searched;
    const reading = client.readAll({
      fromPosition: from === undefined ? 'start' : { commit: from, prepare: from },
      maxCount: PAGE,
    });
    await collect(reading, READ_TIMEOUT_MS, ({ event, commitPosition }) => {
      const at = event?.position.commit ?? commitPosition;
      if (!event || at === undefined || at <= (from ?? -1n) || missing !== undefined) return;
      if (prefixes.some((prefix) => event.streamId.startsWith(prefix))) missing = at;
      else searched = at;
    });
  };

  const schedule = () => {
    if (stopped) return;
    timer = setTimeout(() => {
      // When the log cannot be read, the connection is lost, and the subscription is told that by itself.
      const looked = isIdle() ? look().catch(() => undefined) : Promise.resolve();
      void looked.then(schedule);
    }, everyMs);
    timer.unref();
  };
  schedule();

  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
