import { join } from 'node:path';
import { externalEndpoints, type OwnBackend, planBackends } from './backends.ts';
import { choosePorts, prepareDataDir, wipe } from './data-dir.ts';
import type { Options } from './options.ts';
import { PARTS } from './options.ts';
import { acquireRunLock } from './run-lock.ts';
import { loadSecrets } from './secrets.ts';
import { removeStack, type Stack, writeStack } from './stack-file.ts';
import { type Supervised, supervise, type SupervisorEvents } from './supervisor.ts';
import { duration, type Terminal } from './terminal.ts';

export interface RunningStack {
  stack: Stack;
  stop(): Promise<void>;
  kill(): void;
}

/** Brings the stack up. Whatever has been started is stopped again when a part fails or `signal` aborts. */
export async function launch(options: Options, terminal: Terminal, signal: AbortSignal): Promise<RunningStack> {
  const began = performance.now();
  const { dataDir } = options;
  prepareDataDir(dataDir);
  const lock = await acquireRunLock(dataDir);
  const parts: Supervised[] = [];
  let ready = false;

  const stop = async () => {
    const order = parts.toSorted((a, b) => PARTS.indexOf(b.name) - PARTS.indexOf(a.name));
    for (const part of order) {
      if (ready)
        await terminal.step(
          part.name,
          () => part.stop(),
          () => 'stopped',
        );
      else await part.stop();
    }
    removeStack(dataDir);
    lock.release();
  };

  try {
    if (lock.takenOver) {
      const what =
        lock.ended.length === 0
          ? 'nothing of it was left'
          : `ended what it left: ${lock.ended.map(({ name }) => name).join(', ')}`;
      terminal.warn('launcher', `the run before did not end in order; ${what}`);
    }
    if (options.fresh) wipe(dataDir);
    const secrets = await loadSecrets(dataDir);
    const ports = await choosePorts(options);
    const stack: Stack = {
      data_dir: dataDir,
      launcher_pid: process.pid,
      started_at: new Date().toISOString(),
      ready_ms: 0,
      master_password: secrets.master_password,
      service_urls: {},
      pids: {},
      log_files: {},
      ...externalEndpoints(options, secrets),
    };
    const events: SupervisorEvents = {
      onStarted(process_) {
        lock.record(process_.record);
        stack.pids[process_.name] = process_.pid;
        stack.log_files[process_.name] = process_.logFile;
        if (ready) writeStack(stack);
      },
      onEnded(process_) {
        lock.forget(process_.pid);
      },
      onDown(name, reason, pauseMs) {
        terminal.warn(
          name,
          `${reason}; starting it again in ${duration(pauseMs)} (log: ${join(dataDir, 'logs', `${name}.log`)})`,
        );
      },
      onBack(name, downMs) {
        terminal.line(`  ${name} is back after ${duration(downMs)}`);
      },
    };
    const startBackend = async (backend: OwnBackend) => {
      parts.push(
        await terminal.step(
          backend.name,
          () => supervise(backend, events),
          () => `ready on ${backend.address}`,
        ),
      );
      Object.assign(stack, backend.endpoints);
    };
    await allOrFirstError((await planBackends(options, ports, secrets, terminal)).map(startBackend));
    signal.throwIfAborted();
    stack.ready_ms = Math.round(performance.now() - began);
    ready = true;
    writeStack(stack);
    return {
      stack,
      stop,
      kill: () => {
        for (const part of parts) part.kill();
        removeStack(dataDir);
        lock.release();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Waits for all, so that nothing is still starting when the caller cleans up, then throws the first error. */
async function allOrFirstError(work: Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
