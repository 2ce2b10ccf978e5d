import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../frame/platform.ts';

export interface PgBouncerProgram {
  readonly path: string;
  /** Where its libraries are that the system lacks. */
  readonly libraryPath: string | undefined;
  readonly version: string;
}

/** The program and the one library of it that few systems have. The package names are Debian's. */
const PACKAGES = ['pgbouncer', 'libevent-2.1-7', 'libc-ares2'];
const TOOLS = join(ROOT, '.tools', 'pgbouncer');

/**
 * The program named, else the one on the PATH, else the distribution's current Debian package, fetched once into the ignored tools folder
 * and not installed. Throws a sentence when there is none to be had.
 */
export function findPgBouncer(named: string | undefined): PgBouncerProgram {
  if (named !== undefined) return required(probe(named, undefined), `--pgbouncer: ${named} is not a PgBouncer that runs`);
  const onPath = probe('pgbouncer', undefined);
  if (onPath !== undefined) return onPath;
  if (!existsSync(TOOLS)) fetchPackages();
  return required(fetched(), `The PgBouncer in ${TOOLS} does not run; delete that folder`);
}

function fetched(): PgBouncerProgram | undefined {
  const libraries = readdirSync(join(TOOLS, 'usr/lib'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.endsWith('-linux-gnu'))
    .map(({ name }) => join(TOOLS, 'usr/lib', name));
  return probe(join(TOOLS, 'usr/sbin/pgbouncer'), libraries.join(':'));
}

function probe(path: string, libraryPath: string | undefined): PgBouncerProgram | undefined {
  const env = { PATH: process.env['PATH'], LD_LIBRARY_PATH: libraryPath };
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8', env });
  const version = status === 0 ? /^PgBouncer (\S+)/m.exec(stdout)?.[1] : undefined;
  return version === undefined ? undefined : { path, libraryPath, version };
}

function fetchPackages(): void {
  mkdirSync(join(ROOT, '.tools'), { recursive: true });
  // Beside its place first: a fetch that was cut off is not taken for a whole one.
  const partial = mkdtempSync(join(ROOT, '.tools', 'pgbouncer-'));
  chmodSync(partial, 0o755);
  try {
    for (const name of PACKAGES) run('apt-get', ['download', name], partial);
    for (const file of readdirSync(partial).filter((each) => each.endsWith('.deb'))) run('dpkg', ['-x', file, '.'], partial);
    renameSync(partial, TOOLS);
  } finally {
    rmSync(partial, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], cwd: string): void {
  const { status, error, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' });
  if (status === 0) return;
  const why = error === undefined ? stderr.trim().split('\n').at(-1) : error.message;
  throw new Error(`PgBouncer cannot be had: \`${command} ${args.join(' ')}\` says: ${why}. ${REMEDY}`);
}

const REMEDY =
  'Install it (Debian: apt-get install pgbouncer), name it with --pgbouncer, or leave it out with --contenders gateway,plain.';

function required(program: PgBouncerProgram | undefined, complaint: string): PgBouncerProgram {
  if (program === undefined) throw new Error(`${complaint}. ${REMEDY}`);
  return program;
}
