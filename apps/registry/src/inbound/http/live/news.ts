import type { EventStore } from '@ultracore/event-sourcing';
import { TENANT_STREAMS } from '../../../tenant/codec.ts';

/** Says when something was appended to a tenant's stream. */
export interface News {
  /**
   * From its fulfilment on, `wake` is called after each append to the stream; perhaps also for one before, or more than once. Returns how
   * to end it. Rejects when it cannot be found out from where to follow the log.
   */
  readonly listen: (streamName: string, wake: () => void) => Promise<() => void>;
}

export interface NewsDeps {
  readonly store: EventStore;
  /** Any position that the log has reached, the later the better; null for its beginning. */
  readonly position: () => Promise<bigint | null>;
}

interface Following {
  readonly started: Promise<void>;
  readonly end: () => void;
}

/** One subscription for all listeners of a process, while there are any. */
export function createNews({ store, position }: NewsDeps): News {
  const listeners = new Map<string, Set<() => void>>();
  let following: Following | undefined;

  const follow = (): Following => {
    const ending = new AbortController();
    const start = async (): Promise<void> => {
      const after = await position();
      if (ending.signal.aborted) return;
      store.subscribeToAll({
        ...(after === null ? {} : { after }),
        streamPrefixes: [TENANT_STREAMS],
        onEvents(events) {
          const streams = new Set(events.map((event) => event.streamName));
          for (const name of streams) for (const wake of listeners.get(name) ?? []) wake();
          return Promise.resolve();
        },
        signal: ending.signal,
      });
    };
    return { started: start(), end: () => ending.abort() };
  };

  const forget = (streamName: string, wake: () => void): void => {
    const ofStream = listeners.get(streamName);
    ofStream?.delete(wake);
    if (ofStream?.size === 0) listeners.delete(streamName);
    if (listeners.size > 0) return;
    following?.end();
    following = undefined;
  };

  return {
    async listen(streamName, wake) {
      const ofStream = listeners.get(streamName) ?? new Set();
      listeners.set(streamName, ofStream.add(wake));
      following ??= follow();
      const mine = following;
      try {
        await mine.started;
      } catch (error) {
        // Whoever comes next tries anew.
        if (following === mine) following = undefined;
        forget(streamName, wake);
        throw error;
      }
      return () => forget(streamName, wake);
    },
  };
}
