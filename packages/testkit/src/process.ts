import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { TestkitError } from './errors.ts';

export interface SpawnOptions {
  /** The process's whole environment beside PATH and HOME; nothing else of ours leaks into it. */
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  /** Standard output and error go here, appended; a temporary file unless given. */
  logFile?: string;
}

export interface SpawnedProcess extends AsyncDisposable {
  readonly pid: number;
  readonly logFile: string;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  isAlive(): boolean;
  /** Sends the signal (SIGTERM unless given) to the process; nothing happens when it has ended. */
  kill(signal?: NodeJS.Signals): void;
  /** Asks it to end, kills it after the grace (10 s), and resolves when it is gone. */
  stop(graceMs?: number): Promise<void>;
  /** Everything it has written so far. */
  output(): string;
}

/** Compiled modules, kept from one process to the next: most of them load the same. */
const COMPILED = join(tmpdir(), 'ultracore-test-compiled');

const alive = new Set<SpawnedProcess & { readonly command: string }>();

/**
 * Starts a real process. `node` as the program means the Node that runs the tests. What is still alive when the test file ends
 * fails the file and is killed.
 */
export async function spawnProcess(argv: readonly [string, ...string[]], options: SpawnOptions = {}): Promise<SpawnedProcess> {
  const [program, ...args] = argv;
  const logFile = options.logFile ?? join(mkdtempSync(join(tmpdir(), 'ultracore-test-')), 'process.log');
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'a');
  let child: ChildProcess;
  try {
    child = spawn(program === 'node' ? process.execPath : program, args, {
      stdio: ['ignore', log, log],
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], NODE_COMPILE_CACHE: COMPILED, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
  } finally {
    closeSync(log);
  }
  let ended = false;
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => {
      ended = true;
      resolve({ code, signal });
    });
  });
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? 0));
    child.once('error', (cause) => reject(new TestkitError('spawn_failed', `Could not start ${argv.join(' ')}.`, { cause })));
  });
  const stop = async (graceMs = 10_000) => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    // A stopped process does not see SIGTERM before it is continued.
    child.kill('SIGCONT');
    await exited;
    clearTimeout(timer);
  };
  const spawned = {
    command: argv.join(' '),
    pid,
    logFile,
    exited,
    isAlive: () => !ended,
    kill: (signal: NodeJS.Signals = 'SIGTERM') => {
      child.kill(signal);
    },
    stop,
    output: () => readFileSync(logFile, 'utf8'),
    [Symbol.asyncDispose]: () => stop(),
  };
  alive.add(spawned);
  void exited.then(() => alive.delete(spawned));
  return spawned;
}

/** Kills what spawnProcess started and nobody stopped; answers with its commands. */
export async function endLeftovers(): Promise<string[]> {
  const left = [...alive];
  for (const process_ of left) process_.kill('SIGKILL');
  await Promise.all(left.map((process_) => process_.exited));
  return left.map((process_) => `${process_.command} (pid ${process_.pid}, log ${process_.logFile})`);
}
