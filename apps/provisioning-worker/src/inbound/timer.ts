/** Something that is done again and again, never twice at once. */
export interface Timer {
  start(): void;
  /** Waits for the pass under way. */
  stop(): Promise<void>;
}

export interface TimerOptions {
  readonly everyMs: number;
  readonly pass: () => Promise<void>;
  readonly logger: { error(details: object, message: string): void };
}

/** Runs a pass, then waits, then the next. A pass that throws is logged and the next one comes all the same. */
export function createTimer({ everyMs, pass, logger }: TimerOptions): Timer {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  let stopped = false;

  function schedule(): void {
    if (stopped) return;
    timer = setTimeout(() => {
      running = run();
    }, everyMs);
  }

  async function run(): Promise<void> {
    try {
      await pass();
    } catch (error) {
      logger.error({ err: error }, 'a reconciliation pass was cut short');
    } finally {
      schedule();
    }
  }

  return {
    start: schedule,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
