import { LauncherError } from './errors.ts';
import { parseVerifyOptions, USAGE } from './isolation/options.ts';
import { faultsOf, summary } from './isolation/show.ts';
import { openPairs } from './isolation/tenants.ts';
import { verifyIsolation } from './isolation/verify.ts';
import { dataDirOf } from './options.ts';
import { loadSecrets } from './secrets.ts';
import { readStack } from './stack-file.ts';
import { createTerminal, duration } from './terminal.ts';

/** Every attack of the corpus on the running platform. Exit codes: 0 nothing got through, 1 something did, 2 it could not be found out. */
async function main(): Promise<number> {
  const options = parseVerifyOptions(process.argv.slice(2));
  if (options.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const stack = readStack(dataDirOf(options.dataDir, process.env));
  const secrets = await loadSecrets(stack.data_dir);
  // With --json standard output is the report alone.
  const terminal = createTerminal(options.json ? process.stderr : process.stdout);
  const began = performance.now();
  const pairs = await terminal.step(
    'tenants',
    () => openPairs(stack, secrets, options.pairs),
    () => 'an attacker and a victim in each tier',
  );
  let runs = 0;
  let wrong = 0;
  const verdict = await terminal.step(
    'probes',
    () =>
      verifyIsolation({ stack, secrets, pairs }, options, ({ faults }) => {
        runs += 1;
        if (faults.length > 0) wrong += 1;
      }),
    () => `${runs} attacks, ${wrong} with faults`,
  );
  const faults = faultsOf(verdict);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ passed: faults.length === 0, ...verdict }, null, 2)}\n`);
  } else {
    terminal.line();
    for (const line of summary(verdict)) terminal.line(`  ${line}`);
    terminal.line();
    if (verdict.skipped.length > 0) terminal.warn('left out', verdict.skipped.join(', '));
  }
  for (const fault of faults) terminal.fail(fault);
  if (faults.length > 0) return 1;
  terminal.good(
    'isolation',
    `no row, secret or trace of a neighbour in ${runs} attacks (${duration(performance.now() - began)})`,
  );
  return 0;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    createTerminal().fail(error instanceof LauncherError || error instanceof Error ? error.message : String(error));
    process.exitCode = 2;
  },
);
