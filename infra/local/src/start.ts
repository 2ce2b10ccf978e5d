import { exitWith, inWords, listenForInterrupt } from './interrupt.ts';
import { launch } from './launcher.ts';
import { HELP, type Options, parseOptions, ROOT } from './options.ts';
import { runningStack } from './running.ts';
import { summary } from './summary.ts';
import { createTerminal } from './terminal.ts';

const terminal = createTerminal();

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options.help) {
    process.stdout.write(HELP);
    return;
  }
  const already = runningStack(options.dataDir);
  if (already === undefined) {
    await run(options);
    return;
  }
  const state = already.ready ? 'It is already running' : 'It is just starting in another terminal';
  terminal.line(`${state} (launcher pid ${already.pid}).`);
  if (already.stack !== undefined) for (const line of summary(already.stack, 0, ROOT)) terminal.line(line);
}

/** Runs until it is asked to end. */
async function run(options: Options): Promise<void> {
  const interrupt = listenForInterrupt(
    () => terminal.line(),
    (error) => terminal.fail(inWords(error)),
    options.withParent,
  );
  const running = await launch(options, terminal, interrupt.signal, (begun) => interrupt.guard(begun));
  for (const line of summary(running.stack, running.memory(), ROOT)) terminal.line(line);
  if (!options.withParent) terminal.line('  Ctrl-C stops everything; the data stays.');
  await interrupt.happened;
  await running.stop();
}

main().then(
  () => process.exit(0),
  (error: unknown) => exitWith(error, (text) => terminal.fail(text)),
);
