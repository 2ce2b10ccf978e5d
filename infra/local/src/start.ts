import { runningStack } from './running.ts';
import { LauncherError } from './errors.ts';
import { launch } from './launcher.ts';
import { HELP, type Options, parseOptions, ROOT } from './options.ts';
import type { Run } from './run.ts';
import { summary } from './summary.ts';
import { createTerminal } from './terminal.ts';

const INTERRUPTED = 130;
const terminal = createTerminal();

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const already = runningStack(options.dataDir);
  if (already !== undefined) {
    terminal.line(
      already.ready
        ? `It is already running (launcher pid ${already.pid}).`
        : `It is just starting in another terminal (launcher pid ${already.pid}).`,
    );
    if (already.stack !== undefined) for (const line of summary(already.stack, 0, ROOT)) terminal.line(line);
    return 0;
  }
  return run(options);
}

/** Runs until a signal; a second one ends everything at once. */
async function run(options: Options): Promise<number> {
  const stopping = new AbortController();
  let running: Run | undefined;
  const stopped = new Promise<void>((resolve) => {
    const onSignal = () => {
      if (stopping.signal.aborted) {
        running?.kill();
        process.exit(INTERRUPTED);
      }
      stopping.abort(new LauncherError('interrupted', 'Stopped before it was ready.'));
      terminal.line();
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
    if (options.withParent) process.stdin.once('close', onSignal).resume();
  });
  process.on('uncaughtException', (error) => {
    tell(error);
    running?.kill();
    process.exit(1);
  });
  running = await launch(options, terminal, stopping.signal);
  for (const line of summary(running.stack, running.memory(), ROOT)) terminal.line(line);
  if (!options.withParent) terminal.line('  Ctrl-C stops everything; the data stays.');
  await stopped;
  await running.stop();
  return 0;
}

function tell(error: unknown): void {
  const fault = `A fault of the launcher itself: ${error instanceof Error ? error.stack : String(error)}`;
  terminal.fail(error instanceof LauncherError ? error.message : fault);
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    tell(error);
    process.exit(error instanceof LauncherError && error.code === 'interrupted' ? INTERRUPTED : 1);
  },
);
