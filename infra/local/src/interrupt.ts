import { LauncherError } from './errors.ts';
import type { Run } from './run.ts';

const INTERRUPTED_EXIT_CODE = 130;
/** One Ctrl-C may reach us twice: from the terminal, and handed on by the program that started us. A person is slower. */
const ONE_PRESS_MS = 200;

export interface Interrupt {
  /** Aborts at the first Ctrl-C, SIGTERM or SIGHUP, with a `LauncherError` of code `interrupted`. */
  readonly signal: AbortSignal;
  /** Resolves then. */
  readonly happened: Promise<void>;
  /** From now on a second one kills this run and ends the process at once, and so does a fault that nobody catches. */
  guard(run: Run): void;
}

/** The process's way of being asked to end: once in order, twice at once. `withParent`: the end of standard input counts as asking. */
export function listenForInterrupt(onFirst: () => void, onFault: (error: unknown) => void, withParent = false): Interrupt {
  const asked = new AbortController();
  let guarded: Run | undefined;
  let firstAt = 0;
  const happened = new Promise<void>((resolve) => {
    const onSignal = () => {
      if (asked.signal.aborted) {
        if (performance.now() - firstAt < ONE_PRESS_MS) return;
        guarded?.kill();
        process.exit(INTERRUPTED_EXIT_CODE);
      }
      firstAt = performance.now();
      onFirst();
      asked.abort(new LauncherError('interrupted', 'Stopped before it was ready.'));
      resolve();
    };
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, onSignal);
    if (withParent) process.stdin.once('close', onSignal).resume();
  });
  process.on('uncaughtException', (error) => {
    onFault(error);
    guarded?.kill();
    process.exit(1);
  });
  return {
    signal: asked.signal,
    happened,
    guard(run) {
      guarded = run;
    },
  };
}

/** Tells the error in the words that are meant for the terminal, and ends the process with the code that fits it. */
export function exitWith(error: unknown, tell: (text: string) => void): never {
  tell(inWords(error));
  process.exit(error instanceof LauncherError && error.code === 'interrupted' ? INTERRUPTED_EXIT_CODE : 1);
}

export function inWords(error: unknown): string {
  if (error instanceof LauncherError) return error.message;
  return `A fault of the launcher itself: ${error instanceof Error ? error.stack : String(error)}`;
}
