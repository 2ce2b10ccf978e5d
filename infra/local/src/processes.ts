import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process that a later run can recognise: a pid alone may have been given to somebody else since. */
export interface ProcessRecord {
  name: string;
  pid: number;
  start_time: string;
}

export interface StartOptions {
  name: string;
  command: string;
  args: readonly string[];
  /** The whole environment of the process, not an addition to ours. */
  env: Readonly<Record<string, string | undefined>>;
  cwd: string;
  logFile: string;
  uid?: number;
  gid?: number;
  /** The signal that asks this program to end in order. */
  stopSignal?: NodeJS.Signals;
}

/** What a part needs to know while it is started. */
export interface StartContext {
  /** Aborts the start: what has been spawned is ended and the start rejects. */
  signal: AbortSignal;
  /** Told of every process at once, so that none is forgotten however the start goes on. */
  onSpawn(process_: ManagedProcess): void;
}

export interface ManagedProcess {
  readonly name: string;
  readonly pid: number;
  readonly logFile: string;
  readonly record: ProcessRecord;
  /** Size of the log file when the process started, so that a reader skips the runs before. */
  readonly logOffset: number;
  /** Resolves when the process has ended, whatever the reason; never rejects. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  alive(): boolean;
  /** Asks it to end, and after `graceMs` ends it. Resolves when it has ended. */
  stop(graceMs: number): Promise<void>;
  kill(): void;
}

/**
 * Starts a program in a session of its own, so that a Ctrl-C in our terminal reaches only us and we stop the programs in order.
 * Its output goes to `logFile`, appended. Rejects when the program cannot be started at all.
 */
export async function startProcess(options: StartOptions, context: Pick<StartContext, 'onSpawn'>): Promise<ManagedProcess> {
  mkdirSync(dirname(options.logFile), { recursive: true });
  const log = openSync(options.logFile, 'a', 0o600);
  const logOffset = statSync(options.logFile).size;
  let child: ChildProcess;
  try {
    child = spawn(options.command, [...options.args], {
      cwd: options.cwd,
      env: definedOnly(options.env),
      stdio: ['ignore', log, log],
      detached: true,
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
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
    child.once('error', reject);
    child.once('spawn', () => resolve(child.pid ?? 0));
  });
  const record = { name: options.name, pid, start_time: startTimeOf(pid) ?? '' };
  const send = (signal: NodeJS.Signals) => {
    if (!ended) signalProcess(pid, signal);
  };
  const managed: ManagedProcess = {
    name: options.name,
    pid,
    logFile: options.logFile,
    record,
    logOffset,
    exited,
    alive: () => !ended,
    async stop(graceMs) {
      send(options.stopSignal ?? 'SIGTERM');
      const timer = new AbortController();
      await Promise.race([exited, sleep(graceMs, undefined, { signal: timer.signal }).catch(() => {})]);
      timer.abort();
      if (ended) return;
      send('SIGKILL');
      await exited;
    },
    kill: () => send('SIGKILL'),
  };
  try {
    context.onSpawn(managed);
  } catch (error) {
    managed.kill();
    throw error;
  }
  return managed;
}

/** When the process with this pid began, in whatever unit the system tells it; undefined when there is none. */
export function startTimeOf(pid: number): string | undefined {
  try {
    if (process.platform === 'linux') {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // Field 2 is the program's name in parentheses and may hold blanks; the fields after it are counted from its end.
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? undefined : fields[19];
    }
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim() || undefined
    );
  } catch {
    return undefined;
  }
}

/** True when exactly the recorded process is still running. */
export function isRunning(record: { pid: number; start_time: string }): boolean {
  return record.start_time !== '' && startTimeOf(record.pid) === record.start_time;
}

/** Ends processes that a killed run left behind, those started last first; answers with the ones that were still running. */
export async function endOrphans(records: readonly ProcessRecord[], graceMs: number): Promise<ProcessRecord[]> {
  const orphans = records.filter(isRunning).toReversed();
  for (const orphan of orphans) {
    signalProcess(orphan.pid, orphan.name === 'postgres' ? 'SIGINT' : 'SIGTERM');
    const deadline = Date.now() + graceMs;
    while (isRunning(orphan) && Date.now() < deadline) await sleep(50);
    if (isRunning(orphan)) signalProcess(orphan.pid, 'SIGKILL');
    while (isRunning(orphan)) await sleep(20);
  }
  return orphans;
}

/** What the process wrote since it started, at most its last `bytes`. */
export function logSince(process_: Pick<ManagedProcess, 'logFile' | 'logOffset'>, bytes = 64_000): string {
  const size = statSync(process_.logFile).size;
  const from = Math.max(process_.logOffset, size - bytes);
  const buffer = Buffer.alloc(Math.max(0, size - from));
  const file = openSync(process_.logFile, 'r');
  try {
    readSync(file, buffer, 0, buffer.length, from);
  } finally {
    closeSync(file);
  }
  return buffer.toString('utf8');
}

/** Resident memory of the process in bytes, shared pages counted once where the system tells (Linux); 0 when it has ended. */
export function residentBytes(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** The process and all its descendants (Postgres is many processes). */
export function processTree(pid: number): number[] {
  const found = [pid];
  for (let index = 0; index < found.length; index++) {
    try {
      const children = readFileSync(`/proc/${found[index]}/task/${found[index]}/children`, 'utf8').trim();
      if (children !== '') found.push(...children.split(' ').map(Number));
    } catch {
      // It ended meanwhile, or the system has no /proc.
    }
  }
  return found;
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile.
  }
}

function definedOnly(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
