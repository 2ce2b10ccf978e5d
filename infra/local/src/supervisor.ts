import { setTimeout as sleep } from 'node:timers/promises';
import type { ManagedProcess, StartContext } from './processes.ts';

const STEADY_MS = 60_000;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export interface Part {
  name: string;
  /** Starts the process and resolves when it is ready; rejects after ending what it started. */
  start(context: StartContext): Promise<ManagedProcess>;
  graceMs: number;
}

export interface SupervisorEvents {
  onSpawn(process_: ManagedProcess): void;
  /** It ended without being asked to, or could not be started again; `pauseMs` until the next attempt. */
  onDown(name: string, reason: string, pauseMs: number): void;
  onBack(name: string, downMs: number): void;
}

export interface Supervised {
  readonly name: string;
  current(): ManagedProcess | undefined;
  restarts(): number;
  stop(): Promise<void>;
  kill(): void;
}

/** The wait before attempt `n` (from 0) to bring a part back: doubling, and never longer than half a minute. */
export function pauseBefore(attempt: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
}

/** Starts the part and keeps it running until `stop` (or `interrupted`). Rejects when the first start fails; later failures are reported and retried. */
export async function supervise(part: Part, events: SupervisorEvents, interrupted: AbortSignal): Promise<Supervised> {
  const stopping = new AbortController();
  const context: StartContext = {
    signal: AbortSignal.any([stopping.signal, interrupted]),
    onSpawn: (process_) => events.onSpawn(process_),
  };
  let current: ManagedProcess | undefined;
  let restarts = 0;

  const bringUp = async () => {
    current = await part.start(context);
    return current;
  };

  const keepUp = async (first: ManagedProcess) => {
    let process_ = first;
    let attempt = 0;
    for (;;) {
      const since = Date.now();
      const { code, signal } = await process_.exited;
      current = undefined;
      if (context.signal.aborted) return;
      const down = Date.now();
      let reason = `ended by ${signal ?? `code ${code}`}`;
      if (down - since > STEADY_MS) attempt = 0;
      for (;;) {
        const pause = pauseBefore(attempt++);
        events.onDown(part.name, reason, pause);
        try {
          await sleep(pause, undefined, { signal: context.signal });
          process_ = await bringUp();
          break;
        } catch (error) {
          if (context.signal.aborted) return;
          reason = error instanceof Error ? error.message : String(error);
        }
      }
      restarts++;
      events.onBack(part.name, Date.now() - down);
    }
  };

  const watched = keepUp(await bringUp());
  return {
    name: part.name,
    current: () => current,
    restarts: () => restarts,
    async stop() {
      stopping.abort();
      await current?.stop(part.graceMs);
      await watched;
    },
    kill() {
      stopping.abort();
      current?.kill();
    },
  };
}
