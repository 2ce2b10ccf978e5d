import { LauncherError } from './errors.ts';
import { launch, type RunningStack } from './launcher.ts';
import { HELP, parseOptions } from './options.ts';
import { createTerminal } from './terminal.ts';

const terminal = createTerminal();
const stopping = new AbortController();
let running: RunningStack | undefined;
let signals = 0;

async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const stopped = new Promise<void>((resolve) => {
    const onSignal = () => {
      if (++signals > 1) {
        running?.kill();
        process.exit(130);
      }
      stopping.abort(new LauncherError('interrupted', 'Stopped before it was ready.'));
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
    if (options.withParent) process.stdin.once('end', onSignal).once('error', onSignal).resume();
  });
  running = await launch(options, terminal, stopping.signal);
  terminal.line(`ready in ${running.stack.ready_ms} ms`);
  await stopped;
  await running.stop();
  return 0;
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    terminal.fail(error instanceof LauncherError ? error.message : String(error instanceof Error ? error.stack : error));
    process.exit(1);
  },
);
