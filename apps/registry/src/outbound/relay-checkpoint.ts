/** Stores how far the relay has come, behind its back: a position that is late costs duplicates, never a loss. */
export interface RelayCheckpoint {
  /** Everything up to here is published. */
  readonly reached: (position: bigint) => void;
  /** Fulfilled when the last position reached is stored; rejected with why it could not be. */
  readonly flush: () => Promise<void>;
}

/** Positions that are reached while one is being stored are stored as one. A failed `store` is tried again with the next position. */
export function createRelayCheckpoint(deps: {
  store: (position: bigint) => Promise<void>;
  onError: (error: unknown) => void;
}): RelayCheckpoint {
  let latest: bigint | undefined;
  let storing: Promise<void> | undefined;

  const storeLatest = async (): Promise<void> => {
    while (latest !== undefined) {
      const position = latest;
      latest = undefined;
      try {
        await deps.store(position);
      } catch (error) {
        latest ??= position;
        throw error;
      }
    }
  };
  const start = (): Promise<void> => {
    storing ??= storeLatest().finally(() => {
      storing = undefined;
    });
    return storing;
  };

  return {
    reached(position) {
      latest = position;
      if (!storing) start().catch(deps.onError);
    },
    async flush() {
      await storing?.catch(() => undefined);
      await start();
    },
  };
}
