import { waitFor, type PrivatePostgres } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FORWARD_BOUNDARIES } from '../src/provisioning/boundaries.ts';
import type { Worker } from '../src/worker.ts';
import { createActiveTenant } from './support/active-tenant.ts';
import type { Registry } from './support/registry.ts';
import { createRig, startHomeServer, type HomeServer, type Rig } from './support/rig.ts';
import { spawnWorker } from './support/spawn-child.ts';
import type { ToldFact } from './support/told.ts';

let server: HomeServer;
let other: HomeServer;
let standby: PrivatePostgres;
let standbyOfAnother: PrivatePostgres;
beforeAll(async () => {
  [server, other] = await Promise.all([startHomeServer('one'), startHomeServer('two')]);
  standby = await server.postgres.standby();
  standbyOfAnother = await other.postgres.standby();
});
afterAll(async () => {
  await Promise.all([standby.stop(), standbyOfAnother.stop()]);
  await Promise.all([server.postgres.stop(), other.postgres.stop()]);
});

async function verify(registry: Registry, { host, port }: { host: string; port: number }) {
  await registry.request('verify_replica', {}, { readonly_db_host: host, readonly_db_port: port });
  const fact = await registry.settle('verify_replica');
  expect(fact.body).toMatchObject({ readonly_db_host: host, readonly_db_port: port });
  return fact;
}

/** Waits for the end without waiting for the pauses between tries. */
async function hurried(rig: Rig, worker: Worker, verified: Promise<ToldFact>): Promise<ToldFact> {
  const ended = verified.then(() => true);
  const isOver = async (): Promise<boolean> => {
    await hurry(rig, worker);
    return Promise.race([ended, Promise.resolve(false)]);
  };
  await waitFor(isOver, { what: 'the end of the verification' });
  return verified;
}

async function hurry(rig: Rig, worker: Worker): Promise<void> {
  await rig.pool.query(`update worker.work_item set due_at = now() where kind = 'verify_replica' and due_at > now()`);
  worker.wake();
}

describe.each(['enterprise', 'standard', 'small'] as const)('a read replica of a %s tenant', (tier) => {
  it('is verified where it is a standby of the home’s own server and knows the tenant’s read-only login', async () => {
    await using rig = await createRig(server.postgres);
    await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, `copied-${tier}`, tier);
    expect(await verify(registry, standby)).toMatchObject({ type: 'TenantReadReplicaVerifiedEvent' });
    expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  });
});

it('is verified though it is behind at first: it is given time to follow', async () => {
  await using rig = await createRig(server.postgres);
  const worker = await rig.worker([server]);
  const replay = new Client({ connectionString: standby.url() });
  await replay.connect();
  try {
    await replay.query('select pg_wal_replay_pause()');
    const registry = await createActiveTenant(rig, server, 'ahead-firm', 'enterprise');
    const verified = verify(registry, standby);
    const tries = `select from worker.work_item where kind = 'verify_replica' and tries > 4`;
    const isTried = async (): Promise<boolean> => {
      await hurry(rig, worker);
      return (await rig.pool.query(tries)).rows.length > 0;
    };
    await waitFor(isTried, { what: 'some tries' });
    await replay.query('select pg_wal_replay_resume()');
    const [written] = await server.query<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn');
    const hasFollowed = 'select 1 where pg_last_wal_replay_lsn() >= $1::pg_lsn';
    await waitFor(async () => (await replay.query(hasFollowed, [written?.lsn])).rows.length, {
      what: 'the standby to have followed',
    });
    expect(await hurried(rig, worker, verified)).toMatchObject({ type: 'TenantReadReplicaVerifiedEvent' });
  } finally {
    await replay.query('select pg_wal_replay_resume()');
    await replay.end();
  }
});

it('is rejected with a code that says why, and the server of the home is blamed for nothing', async () => {
  await using rig = await createRig(server.postgres);
  const worker = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, 'picky-firm', 'standard');
  const rejected = (code: string) => ({ type: 'TenantReadReplicaRejectedEvent', body: { code } });
  expect(await verify(registry, server)).toMatchObject(rejected('not_in_recovery'));
  expect(await verify(registry, standbyOfAnother)).toMatchObject(rejected('other_system'));
  expect(await hurried(rig, worker, verify(registry, { host: '127.0.0.1', port: 1 }))).toMatchObject(rejected('unreachable'));
  await server.query(`alter role uc_picky_firm__ro password 'another'`);
  expect(await hurried(rig, worker, verify(registry, standby))).toMatchObject(rejected('login_refused'));
  expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'failed', 'failed', 'failed', 'failed']);
  expect(rig.log.filter((line) => line.includes('the Postgres server cannot be used now'))).toEqual([]);
});

it.each(FORWARD_BOUNDARIES.verify_replica.standard)(
  'a worker killed at %s: the next one verifies the replica',
  async (boundary) => {
    await using rig = await createRig(server.postgres);
    const first = await rig.worker([server]);
    const registry = await createActiveTenant(rig, server, `v-${boundary.replaceAll(':', '-')}`, 'standard');
    await first.stop();
    await using child = await spawnWorker(rig, [server], { at: boundary });
    const verified = verify(registry, standby);
    expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });
    await rig.worker([server]);
    expect(await verified).toMatchObject({ type: 'TenantReadReplicaVerifiedEvent' });
    expect((await registry.untilClosed()).map(({ outcome }) => outcome)).toEqual(['done', 'done']);
  },
);
