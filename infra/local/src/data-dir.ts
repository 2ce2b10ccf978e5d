import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { explainFileError, LauncherError } from './errors.ts';
import { DEFAULT_PORTS, type Options } from './options.ts';
import { freePort } from './ports.ts';

const portsSchema = z.record(z.string(), z.number().int());
const NEEDED_BYTES = 500 * 1024 * 1024;

/** Makes the folder and refuses one that is not writable or whose disk is nearly full, before anything is started in it. */
export function prepareDataDir(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o755 });
    accessSync(dataDir, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw explainFileError(error, dataDir);
  }
  const { bavail, bsize } = statfsSync(dataDir);
  if (bavail * bsize < NEEDED_BYTES) {
    const left = Math.floor((bavail * bsize) / 1024 / 1024);
    throw new LauncherError(
      'disk_full',
      `Only ${left} MB are left on the disk of ${dataDir}: free about 1 GB, or choose another disk with --data-dir.`,
    );
  }
}

/** Deletes what earlier runs kept, except the logs; only what the launcher itself makes in the folder is touched. */
export async function wipe(dataDir: string): Promise<void> {
  for (const entry of ['kafka', 'postgres', 'schema-registry', 'eventstore', 'secrets.json', 'ports.json', 'stack.json']) {
    try {
      await rm(join(dataDir, entry), { recursive: true, force: true });
    } catch (error) {
      throw explainFileError(error, dataDir);
    }
  }
}

/**
 * The port of every part: the one asked for, else the one the data directory had before, else a free or the fixed one. They are
 * kept, because a tenant's row names the port of its Postgres.
 */
export async function choosePorts(options: Pick<Options, 'dataDir' | 'freePorts' | 'ports'>): Promise<Record<string, number>> {
  const file = join(options.dataDir, 'ports.json');
  const kept = readPorts(file);
  const ports: Record<string, number> = {};
  for (const [name, fixed] of Object.entries<number>(DEFAULT_PORTS)) {
    ports[name] = options.ports[name] ?? kept[name] ?? (options.freePorts ? await freePort() : fixed);
  }
  try {
    writeFileSync(file, `${JSON.stringify(ports, null, 2)}\n`);
  } catch (error) {
    throw explainFileError(error, options.dataDir);
  }
  return ports;
}

function readPorts(file: string): Record<string, number> {
  try {
    return existsSync(file) ? portsSchema.parse(JSON.parse(readFileSync(file, 'utf8'))) : {};
  } catch {
    return {};
  }
}

const LARGE_LOG_BYTES = 20 * 1024 * 1024;

/** Puts a log that has grown large aside as `<name>.old`, in place of the one put aside before. */
export function keepLogsSmall(logDir: string): void {
  for (const name of readdirSync(logDir).filter((entry) => entry.endsWith('.log'))) {
    const file = join(logDir, name);
    if (statSync(file).size > LARGE_LOG_BYTES) renameSync(file, `${file}.old`);
  }
}
