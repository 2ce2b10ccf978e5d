import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '@ultracore/local';
import { Client } from 'pg';
import { required } from '../frame/required.ts';

const STILL_MS = 400;
const POLL_MS = 20;
const DEADLINE_MS = 5 * 60_000;

/** Runs one task on a connection to the registry's database, as its superuser. */
export async function withReadModel<Result>(stack: Stack, task: (client: Client) => Promise<Result>): Promise<Result> {
  const { host, port, user, password } = required(stack.postgres, 'postgres');
  const client = new Client({ host, port, user, password, database: 'ultracore_tenants' });
  await client.connect();
  try {
    return await task(client);
  } finally {
    await client.end();
  }
}

/** Where the registry's projector and relay are in the log, by name. */
export async function positions(client: Client): Promise<Map<string, bigint>> {
  const result = await client.query<{ name: string; position: string }>('select name, position from checkpoints');
  return new Map(result.rows.map(({ name, position }) => [name, BigInt(position)]));
}

/** The registry's two followers of the log. */
const FOLLOWERS = ['relay', 'tenant_configs'];

/**
 * Resolves when projector and relay have had nothing to do for a moment. With `level` also only when both stand at the same event, which
 * they do at rest if nothing but tenants' events came last.
 */
export async function untilQuiet(stack: Stack, { level = false } = {}): Promise<void> {
  await withReadModel(stack, async (client) => {
    const deadline = performance.now() + DEADLINE_MS;
    let before = '';
    let stillSince = performance.now();
    while (performance.now() - stillSince < STILL_MS) {
      if (performance.now() > deadline) throw new Error('The registry did not come to rest.');
      const at = await positions(client);
      const isLevel = new Set(FOLLOWERS.map((name) => at.get(name))).size === 1 && at.has('relay');
      const now = [...at].join();
      if (now !== before || (level && !isLevel)) {
        before = now;
        stillSince = performance.now();
      }
      await sleep(POLL_MS);
    }
  });
}
