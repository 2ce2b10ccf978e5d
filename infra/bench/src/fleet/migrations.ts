import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MIGRATIONS_DIRECTORY } from '@ultracore/tenant-schema';
import type { Platform } from '../frame/platform.ts';
import { required } from '../frame/required.ts';
import { until } from '../frame/until.ts';

interface AddedMigration {
  readonly version: string;
  readonly sql: string;
}

/** A copy of the tenants' migrations that further ones can be put into; removed at the end. */
export async function createMigrationsFolder() {
  const directory = await mkdtemp(join(tmpdir(), 'bench-migrations-'));
  await cp(MIGRATIONS_DIRECTORY, directory, { recursive: true });
  return {
    directory,
    add: ({ version, sql }: AddedMigration): Promise<void> => writeFile(join(directory, `${version}_fleet.sql`), sql),
    [Symbol.asyncDispose]: (): Promise<void> => rm(directory, { recursive: true, force: true }),
  };
}

const WORKER = 'provisioning-worker';
const WAIT = { deadlineMs: 60_000, everyMs: 50 };

/** As an operator who deploys new migrations does: the launcher starts the worker again, and it reads the folder anew. */
export async function restartWorker(platform: Platform): Promise<void> {
  const before = required(platform.stack().pids[WORKER], WORKER);
  process.kill(before, 'SIGTERM');
  const isBack = (): boolean => ![before, undefined].includes(platform.stack().pids[WORKER]);
  await until(isBack, { what: 'the worker to come back', ...WAIT });
  const { service_urls: urls } = platform.stack();
  await until(() => isReady(`${required(urls[WORKER], WORKER)}/readyz`), { what: 'the worker to be ready', ...WAIT });
}

/** With every server fit for work: one that is not yet is told of, though it keeps nobody from being ready. */
async function isReady(url: string): Promise<boolean> {
  const response = await fetch(url).catch(() => undefined);
  return response?.ok === true && !(await response.text()).includes('not verified yet');
}
