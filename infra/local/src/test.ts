import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { type Backends, type Mode, MODES, startBackends, STACK_VARIABLE } from '@ultracore/testkit/backends';
import { z } from 'zod';
import { ROOT } from './options.ts';
import { table } from './table.ts';
import { colours, createTerminal, duration } from './terminal.ts';

/** Vitest's projects, tier by tier; those of one tier run side by side, each on backends of its own, where backends can be had. */
const TIERS = [['unit'], ['int'], ['e2e', 'e2e-own-stack']] as const;
const SIDE_BY_SIDE = process.env['ULTRACORE_TEST_MODE'] !== 'external';
/** Compiled modules, kept from one test file to the next. */
const COMPILED = join(tmpdir(), 'ultracore-test-compiled');
const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string(),
      assertionResults: z.array(
        z.object({ status: z.string(), fullName: z.string(), failureMessages: z.array(z.string()).nullish() }),
      ),
    }),
  ),
});

interface Result {
  tier: string;
  ok: boolean;
  ms: number;
  passed: number;
  failed: number;
  skipped: number;
  /** The tests that failed, each with the first line of why. */
  failures: readonly Failure[];
}

interface Failure {
  test: string;
  why: string;
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
    for (const tier of SIDE_BY_SIDE ? TIERS : TIERS.flat().map((project) => [project])) {
      if (terminated) break;
      if (tier[0] !== 'unit' && stack === undefined) {
        stack = await starting;
        terminal.good('backends', `ready after ${duration(stack.ms)}, beside the unit tests`);
      }
      const running = tier.map((project) => runProject(project, join(reports, `${project}.json`), stack?.backends.stackFile));
      results.push(...(await Promise.all(running)));
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
  tellFailures(results);
  terminal.line();
  terminal.line(`  in all ${duration(performance.now() - began)}`);
  terminal.line();
  const sum = (pick: (result: Result) => number) => results.reduce((total, result) => total + pick(result), 0);
  const [passed, failed, skipped] = [sum((each) => each.passed), sum((each) => each.failed), sum((each) => each.skipped)];
  terminal.line(`${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
  return !terminated && results.every((result) => result.ok) ? 0 : 1;
}

/** Once more at the end, where whoever opens a long log looks first. */
function tellFailures(results: readonly Result[]): void {
  const failures = results.flatMap((result) => result.failures);
  if (failures.length === 0) return;
  terminal.line();
  for (const { test, why } of failures) {
    terminal.line(`${colours.red('✗')} ${test}`);
    terminal.line(`    ${why}`);
  }
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

function runProject(tier: string, report: string, stackFile: string | undefined): Promise<Result> {
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
      env: { NODE_COMPILE_CACHE: COMPILED, ...process.env, ...(stackFile === undefined ? {} : { [STACK_VARIABLE]: stackFile }) },
    });
    const stop = () => {
      terminated = true;
      child.kill('SIGTERM');
    };
    process.once('SIGTERM', stop);
    child.once('error', reject);
    child.once('exit', (code) => {
      process.off('SIGTERM', stop);
      resolve({ tier, ok: code === 0, ms: performance.now() - began, ...outcome(report) });
    });
  });
}

/** What ran and what failed; nothing when the runner died before it could tell. */
function outcome(report: string): Pick<Result, 'passed' | 'failed' | 'skipped' | 'failures'> {
  try {
    const read = reportSchema.parse(JSON.parse(readFileSync(report, 'utf8')));
    return {
      passed: read.numPassedTests,
      failed: read.numFailedTests,
      skipped: read.numPendingTests + read.numTodoTests,
      failures: read.testResults.flatMap(failuresOf),
    };
  } catch {
    return {
      passed: 0,
      failed: 0,
      skipped: 0,
      failures: [{ test: 'its report', why: 'The runner ended before it could tell what failed.' }],
    };
  }
}

/** A file's failed tests; the file itself when it failed outside of them, at its import or in a hook. */
function failuresOf(file: z.infer<typeof reportSchema>['testResults'][number]): Failure[] {
  const name = relative(ROOT, file.name);
  const failed = file.assertionResults.filter((each) => each.status === 'failed');
  if (failed.length === 0 && file.status === 'failed') return [{ test: name, why: firstLine(file.message) }];
  return failed.map((each) => ({ test: `${name} › ${each.fullName}`, why: firstLine(each.failureMessages?.[0] ?? '') }));
}

function firstLine(text: string): string {
  return stripVTControlCharacters(text).split('\n', 1)[0]?.slice(0, 500) ?? '';
}

process.exitCode = await main();
