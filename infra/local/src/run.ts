import { join } from 'node:path';
import type { PartStatus } from './edge/edge.ts';
import { LauncherError } from './errors.ts';
import { PARTS } from './options.ts';
import { type ManagedProcess, processTree, residentBytes } from './processes.ts';
import type { RunLock } from './run-lock.ts';
import { removeStack, type Stack, writeStack } from './stack-file.ts';
import { type Part, type Supervised, supervise, type SupervisorEvents } from './supervisor.ts';
import { duration, type Terminal } from './terminal.ts';

/** Everything that a launcher has started, so that it can be shown, and stopped in reverse order of dependence. */
export interface Run {
  readonly stack: Stack;
  /** Starts the part and keeps it running; one line when it is ready. */
  start(part: Part, address: string): Promise<void>;
  /** Stopped before all parts. */
  addEdge(stop: () => Promise<void>): void;
  /** From now on the stack's file is kept true, and stopping is told line by line. */
  markReady(): void;
  status(): PartStatus[];
  /** Memory in use by all processes, in bytes, pages that several share counted once; 0 where the system does not tell. */
  memory(): number;
  stop(): Promise<void>;
  /** Ends everything at once. */
  kill(): void;
}

export function createRun(stack: Stack, lock: RunLock, terminal: Terminal, interrupted: AbortSignal): Run {
  const parts: (Supervised & { address: string })[] = [];
  const alive = new Set<ManagedProcess>();
  let stopEdge: (() => Promise<void>) | undefined;
  let ready = false;
  let stopping = false;

  const save = () => {
    if (ready && !stopping) writeStack(stack);
  };
  const events: SupervisorEvents = {
    onSpawn(process_) {
      alive.add(process_);
      lock.record(process_.record);
      stack.pids[process_.name] = process_.pid;
      stack.log_files[process_.name] = process_.logFile;
      save();
      void process_.exited.then(() => {
        alive.delete(process_);
        lock.forget(process_.pid);
      });
    },
    onDown(name, reason, pauseMs) {
      if (stopping) return;
      const log = join(stack.data_dir, 'logs', `${name}.log`);
      // What went wrong while it was starting names the part and the log already.
      const why = reason.startsWith(`${name} `) ? reason.slice(name.length + 1) : `${reason}. Log: ${log}`;
      terminal.warn(name, `${why}; starting it again in ${duration(pauseMs)}`);
    },
    onBack(name, downMs) {
      terminal.good(name, `running again, it was away for ${duration(downMs)}`);
    },
  };
  const inOrderOfStopping = () => parts.toSorted((a, b) => PARTS.indexOf(b.name) - PARTS.indexOf(a.name));
  const stopPart = (name: string, stop: () => Promise<void>) => (ready ? terminal.step(name, stop, () => 'stopped') : stop());

  return {
    stack,
    async start(part, address) {
      const supervised = await terminal.step(
        part.name,
        () => supervise(part, events, interrupted),
        () => `ready on ${address}`,
      );
      parts.push({ ...supervised, address });
      // A Ctrl-C that came while it was starting found it in no list yet.
      if (stopping) await supervised.stop();
    },
    addEdge(stop) {
      stopEdge = stop;
    },
    markReady() {
      ready = true;
      save();
    },
    status: () =>
      parts
        .toSorted((a, b) => PARTS.indexOf(a.name) - PARTS.indexOf(b.name))
        .map((part) => {
          const pid = part.current()?.pid;
          const state = pid === undefined ? ('starting again' as const) : ('running' as const);
          return { name: part.name, state, pid, restarts: part.restarts(), address: part.address };
        }),
    memory() {
      const roots = [process.pid, ...parts.map((part) => part.current()?.pid).filter((pid) => pid !== undefined)];
      const pids = new Set(roots.flatMap(processTree));
      return [...pids].reduce((sum, pid) => sum + residentBytes(pid), 0);
    },
    async stop() {
      stopping = true;
      if (stopEdge !== undefined) await stopPart('edge', stopEdge);
      for (const part of inOrderOfStopping()) await stopPart(part.name, () => part.stop());
      removeStack(stack.data_dir);
      lock.release();
    },
    kill() {
      stopping = true;
      for (const part of parts) part.kill();
      // Also what is only being started.
      for (const process_ of alive) process_.kill();
      removeStack(stack.data_dir);
      lock.release();
    },
  };
}

/** Waits for all, so that nothing is still starting when the caller cleans up, then throws the first error that says something. */
export async function allOrFirstError(work: readonly Promise<unknown>[]): Promise<void> {
  const failures = (await Promise.allSettled(work)).flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (failures.length === 0) return;
  throw failures.find((reason) => reason instanceof LauncherError && reason.code !== 'interrupted') ?? failures[0];
}
