/** One who waits for something to happen, or for time to pass. */
export interface Wakeable {
  readonly wake: () => void;
  /** Fulfilled with true once woken, also when that was before the call; with false after `ms`, or once the signal is aborted. */
  readonly sleep: (ms: number) => Promise<boolean>;
}

export function createWakeable(signal: AbortSignal): Wakeable {
  let woken = false;
  let end: (() => void) | undefined;
  signal.addEventListener('abort', () => end?.(), { once: true });
  return {
    wake() {
      woken = true;
      end?.();
    },
    async sleep(ms) {
      if (!woken && !signal.aborted) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, ms);
          end = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        end = undefined;
      }
      const was = woken;
      woken = false;
      return was;
    },
  };
}
