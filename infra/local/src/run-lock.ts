import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { explainFileError, LauncherError, systemCode } from './errors.ts';
import { endOrphans, isRunning, type ProcessRecord, startTimeOf } from './processes.ts';

/** Who runs a data directory, and every process of the run, so that the next one can clean up after a `kill -9`. */
export interface RunLock {
  /** Processes of a killed run that were still there and have been ended. */
  readonly ended: readonly ProcessRecord[];
  /** True when a run before us did not end in order. */
  readonly takenOver: boolean;
  record(process_: ProcessRecord): void;
  forget(pid: number): void;
  release(): void;
}

/**
 * Takes the data directory for this process. Throws `already_running` while another launcher has it; takes over the lock of a
 * killed one after ending what it left running, each recognised by pid and start time.
 */
export async function acquireRunLock(dataDir: string): Promise<RunLock> {
  const file = join(dataDir, 'launcher.lock');
  const processesFile = join(dataDir, 'processes.json');
  const me: ProcessRecord = { name: 'launcher', pid: process.pid, start_time: startTimeOf(process.pid) ?? '' };
  let takenOver = false;
  for (;;) {
    try {
      mkdirSync(dataDir, { recursive: true, mode: 0o755 });
      writeFileSync(file, JSON.stringify(me), { flag: 'wx' });
      break;
    } catch (error) {
      if (systemCode(error) !== 'EEXIST' || !existsSync(file)) throw explainFileError(error, dataDir);
    }
    const holder = readRecord(file);
    if (holder !== undefined && isRunning(holder)) throw alreadyRunning(dataDir, holder.pid);
    takenOver = true;
    rmSync(file, { force: true });
  }
  const records = readRecords(processesFile);
  const ended = await endOrphans(records, 10_000);
  let current: ProcessRecord[] = [];
  const save = () => {
    try {
      writeFileSync(`${processesFile}.new`, JSON.stringify(current), { mode: 0o600 });
      renameSync(`${processesFile}.new`, processesFile);
    } catch (error) {
      throw explainFileError(error, dataDir);
    }
  };
  save();
  return {
    ended,
    takenOver,
    record(process_) {
      current.push(process_);
      save();
    },
    forget(pid) {
      current = current.filter((process_) => process_.pid !== pid);
      try {
        save();
      } catch {
        // On a full disk, say: a record of a process that has ended does no harm, its start time tells it from any other.
      }
    },
    release() {
      rmSync(processesFile, { force: true });
      rmSync(file, { force: true });
    },
  };
}

/** The launcher that runs the data directory now, if one does. */
export function runningLauncher(dataDir: string): ProcessRecord | undefined {
  const holder = readRecord(join(dataDir, 'launcher.lock'));
  return holder !== undefined && isRunning(holder) ? holder : undefined;
}

function alreadyRunning(dataDir: string, pid: number): LauncherError {
  return new LauncherError(
    'already_running',
    `The stack of ${dataDir} is already running (launcher pid ${pid}): use it, or end it with Ctrl-C in its terminal or \`kill ${pid}\`.`,
  );
}

function readRecord(file: string): ProcessRecord | undefined {
  return readRecords(file)[0];
}

function readRecords(file: string): ProcessRecord[] {
  try {
    const parsed: unknown = JSON.parse(readFileSync(file, 'utf8'));
    return (Array.isArray(parsed) ? parsed : [parsed]).filter(
      (entry): entry is ProcessRecord =>
        typeof entry === 'object' && entry !== null && typeof entry.pid === 'number' && typeof entry.start_time === 'string',
    );
  } catch {
    return [];
  }
}
