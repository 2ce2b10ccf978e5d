import { fileURLToPath } from 'node:url';
import type { KeyRingOptions } from '@ultracore/credentials';
import { spawnProcess, type SpawnedProcess } from '@ultracore/testkit';
import type { AdminServer } from '../../src/config.ts';
import type { StockSizes } from '../../src/provisioning/stock/tidy.ts';
import { MASTER, TENANT_MIGRATIONS, type Rig } from './rig.ts';

const CHILD = fileURLToPath(new URL('child.ts', import.meta.url));

/** A worker in a process of its own, which is sent a signal when it reaches a boundary. */
export function spawnWorker(
  rig: Rig,
  servers: readonly AdminServer[],
  {
    at,
    signal = 'SIGKILL',
    migrationsDir = TENANT_MIGRATIONS,
    leaseTtlMs = 60_000,
    master = MASTER,
    ...rest
  }: SpawnWorkerOptions,
): Promise<SpawnedProcess> {
  const plain = servers.map(({ name, host, port, user, password }) => ({ name, host, port, user, password }));
  const options = { bookkeepingUrl: rig.url, servers: plain, master, migrationsDir, at, signal, leaseTtlMs, ...rest };
  return spawnProcess(['node', CHILD, JSON.stringify(options)]);
}

export interface SpawnWorkerOptions {
  readonly at: string;
  readonly signal?: 'SIGKILL' | 'SIGSTOP';
  readonly migrationsDir?: string;
  readonly leaseTtlMs?: number;
  readonly stock?: StockSizes;
  readonly reconcileEveryMs?: number;
  readonly master?: KeyRingOptions;
}
