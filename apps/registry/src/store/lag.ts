import type { StoredEvent } from '@ultracore/event-sourcing';

/** How far one who follows the log is behind it. */
export interface Lag {
  /** These events were met, in the order of the log; events met before are the same. */
  readonly met: (events: readonly StoredEvent[]) => void;
  /** Everything up to this position is done. */
  readonly done: (position: bigint) => void;
  /** Forgets what was met: another may have done it. */
  readonly reset: () => void;
  /** Age of the oldest event that was met and is not done, in seconds; 0 when there is none. */
  readonly seconds: () => number;
}

/** `now` in milliseconds since 1970. */
export function createLag(now: () => number = Date.now): Lag {
  /** One entry a batch, that of its first event. */
  let open: { last: bigint; at: number }[] = [];
  return {
    met(events) {
      const [first, last] = [events[0], events.at(-1)];
      if (first && last && last.position > (open.at(-1)?.last ?? -1n)) {
        open.push({ last: last.position, at: first.createdAt.getTime() });
      }
    },
    done(position) {
      open = open.filter(({ last }) => last > position);
    },
    reset() {
      open = [];
    },
    seconds: () => (open[0] ? Math.max(0, now() - open[0].at) / 1000 : 0),
  };
}
