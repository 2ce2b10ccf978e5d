import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '@ultracore/local';
import { Client } from 'pg';
import { required } from '../frame/required.ts';

const DEADLINE_MS = 4 * 60 * 60_000;
const TOLD_EVERY_MS = 15_000;

/** Waits until the read model shows so many active tenants; throws as soon as one has failed. */
export async function untilActive(stack: Stack, wanted: number, progress: (line: string) => void): Promise<void> {
  const { host, port, user, password } = required(stack.postgres, 'postgres');
  const client = new Client({ host, port, user, password, database: 'ultracore_tenants' });
  await client.connect();
  try {
    const deadline = performance.now() + DEADLINE_MS;
    let toldAt = performance.now();
    for (;;) {
      const { rows } = await client.query<{ active: number; failed: number }>(
        `select count(*) filter (where status = 'active')::int as active, count(*) filter (where status = 'failed')::int as failed
         from tenant_configs`,
      );
      const { active = 0, failed = 0 } = rows[0] ?? {};
      if (active >= wanted) return;
      if (failed > 0) throw new Error('A tenant failed.');
      if (performance.now() > deadline) throw new Error(`${active} of ${wanted} tenants are active.`);
      if (performance.now() - toldAt > TOLD_EVERY_MS) {
        toldAt = performance.now();
        progress(`${active} of ${wanted} tenants active`);
      }
      await sleep(100);
    }
  } finally {
    await client.end();
  }
}
