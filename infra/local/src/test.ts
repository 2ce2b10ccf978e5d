import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Backends, type Mode, MODES, startBackends, STACK_VARIABLE } from '@ultracore/testkit/backends';
import { z } from 'zod';
import { ROOT } from './options.ts';
import { table } from './table.ts';
import { createTerminal, duration } from './terminal.ts';

const TIERS = ['unit', 'int', 'e2e'] as const;
const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
});

interface Result {
  tier: string;
  ok: boolean;
  ms: number;
  passed: number;
  failed: number;
  skipped: number;
}

const terminal = createTerminal();
let terminated = false;

/**
 * Runs the three tiers of tests on one stack of backends, which comes up while the unit tests run; arguments are filters for the
 * names of test files. All run, whatever fails.
 */
async function main(): Promise<number> {
  const began = performance.now();
  const results: Result[] = [];
  const starting = startTimed();
  // Its failure is told when it is waited for.
  starting.catch(() => {});
  const reports = mkdtempSync(join(tmpdir(), 'ultracore-reports-'));
  let stack: Awaited<typeof starting> | undefined;
  try {
    for (const tier of TIERS) {
      if (terminated) break;
      if (tier !== 'unit' && stack === undefined) {
        stack = await starting;
        terminal.good('backends', `ready after ${duration(stack.ms)}, beside the unit tests`);
      }
      results.push(await runTier(tier, join(reports, `${tier}.json`), stack?.backends.stackFile));
    }
  } catch (error) {
    terminal.fail(error instanceof Error ? error.message : String(error));
    return 1;
  } finally {
    rmSync(reports, { recursive: true, force: true });
    await stack?.backends.stop(results.some((result) => !result.ok));
  }
  terminal.line();
  const rows = results.map((each) => [
    each.tier,
    each.ok ? 'passed' : 'FAILED',
    String(each.passed),
    String(each.failed),
    String(each.skipped),
    duration(each.ms),
  ]);
  for (const line of table(['tests', 'result', 'passed', 'failed', 'skipped', 'time'], rows)) terminal.line(`  ${line}`);
  terminal.line();
  terminal.line(`  in all ${duration(performance.now() - began)}`);
  terminal.line();
  const sum = (pick: (result: Result) => number) => results.reduce((total, result) => total + pick(result), 0);
  const [passed, failed, skipped] = [sum((each) => each.passed), sum((each) => each.failed), sum((each) => each.skipped)];
  terminal.line(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
  return !terminated && results.every((result) => result.ok) ? 0 : 1;
}

async function startTimed(): Promise<{ backends: Backends; ms: number }> {
  const began = performance.now();
  const mode = process.env['ULTRACORE_TEST_MODE'] ?? 'embedded';
  if (!isMode(mode)) throw new Error(`ULTRACORE_TEST_MODE must be one of ${MODES.join(', ')}, not ${JSON.stringify(mode)}.`);
  const backends = await startBackends(mode);
  return { backends, ms: performance.now() - began };
}

function isMode(mode: string): mode is Mode {
  return (MODES as readonly string[]).includes(mode);
}

function runTier(tier: string, report: string, stackFile: string | undefined): Promise<Result> {
  const began = performance.now();
  terminal.line(`\n── ${tier} tests ──`);
  const filters = process.argv.slice(2);
  const args = ['run', '--project', tier, '--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  // Of some tests only, a tier may have none.
  if (filters.length > 0) args.push('--passWithNoTests', ...filters);
  return new Promise((resolve, reject) => {
    const child = spawn('vitest', args, {
      cwd: ROOT,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...(stackFile === undefined ? {} : { [STACK_VARIABLE]: stackFile }) },
    });
    const stop = () => {
      terminated = true;
      child.kill('SIGTERM');
    };
    process.once('SIGTERM', stop);
    child.once('error', reject);
    child.once('exit', (code) => {
      process.off('SIGTERM', stop);
      resolve({ tier, ok: code === 0, ms: performance.now() - began, ...counts(report) });
    });
  });
}

/** How many tests ran; none when the runner died before it could tell. */
function counts(report: string): Pick<Result, 'passed' | 'failed' | 'skipped'> {
  try {
    const read = reportSchema.parse(JSON.parse(readFileSync(report, 'utf8')));
    return { passed: read.numPassedTests, failed: read.numFailedTests, skipped: read.numPendingTests + read.numTodoTests };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

process.exitCode = await main();
