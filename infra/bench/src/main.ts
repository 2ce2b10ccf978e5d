import { describeMachine } from './frame/machine.ts';
import { ROOT } from './frame/platform.ts';
import { toText, type Findings, type Report } from './frame/report.ts';
import { benchFleet } from './fleet/bench.ts';
import { benchGateway } from './gateway/bench.ts';
import { benchLifecycle } from './lifecycle/bench.ts';
import { HELP, parseOptions, type BenchOptions } from './options.ts';
import { benchProvisioning } from './provisioning/bench.ts';
import { benchRegistry } from './registry/bench.ts';

type Bench = (options: BenchOptions, progress: (line: string) => void) => Promise<Findings>;

const BENCHES: ReadonlyMap<string, Bench> = new Map([
  ['fleet', benchFleet],
  ['gateway', benchGateway],
  ['lifecycle', benchLifecycle],
  ['provisioning', benchProvisioning],
  ['registry', benchRegistry],
]);

async function main(args: readonly string[]): Promise<void> {
  const parsed = parse(args);
  if (parsed === undefined) return;
  const { name, options } = parsed;
  const bench = name === undefined ? undefined : BENCHES.get(name);
  if (name === undefined || bench === undefined) {
    console.log(HELP);
    process.exitCode = name === undefined ? 0 : 1;
    return;
  }
  const machine = describeMachine(ROOT);
  const startedAt = new Date();
  // Progress goes to standard error, so that `--json` leaves one object on standard output.
  const findings = await bench(options, (line) => console.error(line));
  const report: Report = {
    bench: name,
    command: ['npm run bench --', ...args].join(' '),
    started_at: startedAt.toISOString(),
    took_seconds: (Date.now() - startedAt.getTime()) / 1000,
    machine,
    parameters: { ...options },
    ...findings,
  };
  console.log(options.json ? JSON.stringify(report, null, 2) : toText(report));
}

/** Undefined when they mean nothing; the person at the terminal has been told. */
function parse(args: readonly string[]): ReturnType<typeof parseOptions> | undefined {
  try {
    return parseOptions(args);
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\nnpm run bench shows what there is.`);
    process.exitCode = 1;
    return undefined;
  }
}

await main(process.argv.slice(2));
