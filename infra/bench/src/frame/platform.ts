import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, openSync, closeSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readStack, stackFile, type Stack } from '@ultracore/local';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../../..');
const START_DEADLINE_MS = 5 * 60_000;

/** A stack of its own, started for the bench and stopped with it. */
export interface Platform extends AsyncDisposable {
  /** As the launcher wrote it last: pids change when a part is started again. */
  stack(): Stack;
  logFile: string;
}

export interface PlatformOptions {
  /** Emptied first. Relative to the checkout. */
  dataDir: string;
  /** Parts to run; default all. */
  only?: readonly string[];
  /** Beside the bench's own environment. */
  env?: Readonly<Record<string, string>>;
}

/**
 * Starts the platform through the launcher on free ports, in a process of its own, and answers when it is ready. Throws with the
 * last lines of the launcher's output when it does not get there.
 */
export async function startPlatform({ dataDir, only, env = {} }: PlatformOptions): Promise<Platform> {
  const directory = resolve(ROOT, dataDir);
  mkdirSync(directory, { recursive: true });
  const logFile = join(directory, 'launcher.log');
  const log = openSync(logFile, 'w');
  const child = spawn(
    process.execPath,
    [
      join(ROOT, 'infra/local/src/start.ts'),
      '--fresh',
      '--free-ports',
      '--with-parent',
      '--data-dir',
      directory,
      ...(only ? ['--only', only.join(',')] : []),
    ],
    { cwd: ROOT, stdio: ['pipe', log, log], env: { ...process.env, ...env } },
  );
  closeSync(log);
  const exited = new Promise<void>((done) => void child.once('exit', () => done()));
  try {
    await untilReady(child, directory, logFile);
  } catch (error) {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGTERM');
      await exited;
    }
    throw error;
  }
  return {
    logFile,
    stack: () => readStack(directory),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

async function untilReady(child: ChildProcess, directory: string, logFile: string): Promise<void> {
  const deadline = performance.now() + START_DEADLINE_MS;
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      const said = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-3).join('\n  ');
      throw new Error(`The platform did not start. Its launcher wrote (${logFile}):\n  ${said}`);
    }
    if (existsSync(stackFile(directory)) && readStack(directory).launcher_pid === child.pid) return;
    await sleep(100);
  }
  throw new Error(`The platform was not ready within ${START_DEADLINE_MS / 1000} s; its launcher writes ${logFile}.`);
}
