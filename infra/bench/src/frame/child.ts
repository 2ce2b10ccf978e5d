import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { atExit, signalQuietly } from './at-exit.ts';

/** A program that the bench started and ends. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  readonly logFile: string;
  alive(): boolean;
  /** Everything it has written. */
  output(): string;
}

export interface ChildOptions {
  name: string;
  command: string;
  args: readonly string[];
  /** Its whole environment beside PATH. */
  env: Readonly<Record<string, string | undefined>>;
  logFile: string;
  cwd?: string;
  /** Runs as another user. */
  account?: { uid: number; gid: number } | undefined;
}

const GRACE_MS = 10_000;
const POLL_MS = 20;

/** Rejects when the program cannot be started at all. */
export async function startChild({ command, args, env, logFile, cwd, account }: ChildOptions): Promise<Child> {
  mkdirSync(dirname(logFile), { recursive: true });
  const log = openSync(logFile, 'w');
  const child = spawn(command, [...args], {
    stdio: ['ignore', log, log],
    env: { PATH: process.env['PATH'], ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...account,
  });
  closeSync(log);
  const alive = (): boolean => child.exitCode === null && child.signalCode === null;
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  const pid = await new Promise<number>((resolve, reject) => {
    child.once('spawn', () => resolve(child.pid ?? 0));
    child.once('error', reject);
  });
  const forget = atExit(() => signalQuietly(pid, 'SIGTERM'));
  void exited.then(forget);
  return {
    pid,
    logFile,
    alive,
    output: () => readFileSync(logFile, 'utf8'),
    async [Symbol.asyncDispose]() {
      if (!alive()) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Asks until the program is ready; throws with the end of its output when it ends first or the deadline passes. */
export async function untilChildReady(
  child: Child,
  name: string,
  ready: () => Promise<boolean>,
  deadlineMs: number,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  for (;;) {
    if (await ready()) return;
    const late = performance.now() > deadline;
    if (late || !child.alive()) {
      const said = child.output().trimEnd().split('\n').slice(-5).join('\n  ');
      throw new Error(
        `${name} ${late ? `was not ready within ${deadlineMs / 1000} s` : 'ended'}. It wrote (${child.logFile}):\n  ${said}`,
      );
    }
    await sleep(POLL_MS);
  }
}
