import { type PrivatePostgres, startPrivatePostgres, waitFor } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask } from './answers.ts';
import { manage, settle } from './tenants.ts';

describe('a tenant with a replica', () => {
  let primary: PrivatePostgres;

  beforeAll(async () => {
    primary = await startPrivatePostgres();
  });
  afterAll(() => primary.stop());

  it('has its reads there while it is near enough, on the primary otherwise, and loses none when it goes', async () => {
    await using replica = await primary.standby();
    await using town = await settle(primary, 'postgres', 1);
    const admin = new Client({ connectionString: replica.url() });
    admin.on('error', () => {});
    await admin.connect();
    // A replica that does not know the login yet would be left alone for a while.
    await replayed(town.admin, admin);
    const [id = ''] = town.ids;
    await using pools = manage(town, { replicaMaxLagMs: 1_000, each: { replica: { host: replica.host, port: replica.port } } });
    const reads = pools.manager.getPool(id, { readonly: true });
    const where = async (): Promise<string> => {
      // A primary that commits nothing lets its replica look old.
      await pools.manager.query('insert into notes (body) values (null)', [], { tenantId: id });
      const { rows } = await ask(reads, 'select pg_is_in_recovery(), name from mine where id = 1', [], { repeatable: true })
        .answer;
      expect(rows[0]?.[1]).toBe(id);
      return rows[0]?.[0] === 't' ? 'replica' : 'primary';
    };
    expect(await where()).toBe('primary');
    await waitFor(async () => (await where()) === 'replica', { what: 'reads to go to the replica', deadlineMs: 60_000 });
    expect(pools.manager.getPoolStats(id).roles.replica).toMatchObject({ total: 1, opened: 1 });
    const { rows } = await pools.manager.query('select pg_is_in_recovery() as standby', [], { tenantId: id });
    expect(rows).toEqual([{ standby: false }]);

    const serializable = await pools.manager.transaction((tx) => tx.query('select pg_is_in_recovery() as standby'), {
      tenantId: id,
      readonly: true,
      isolation: 'serializable',
    });
    expect(serializable.rows).toEqual([{ standby: false }]);

    await admin.query('select pg_wal_replay_pause()');
    await waitFor(async () => (await where()) === 'primary', {
      what: 'reads to leave the replica that is behind',
      deadlineMs: 60_000,
    });
    await admin.query('select pg_wal_replay_resume()');
    await waitFor(async () => (await where()) === 'replica', { what: 'reads to come back', deadlineMs: 60_000 });
    await admin.end();

    let going = false;
    const stopping = replica.stop().then(() => {
      going = true;
    });
    await waitFor(async () => (await where()) === 'primary' && going, { what: 'the replica to be gone', deadlineMs: 60_000 });
    await stopping;
    for (let n = 0; n < 20; n++) expect(await where()).toBe('primary');
    expect(pools.manager.getPoolStats(id).roles.replica).toMatchObject({ total: 0 });
  }, 240_000);
});

/** Resolves when the standby has all that the primary has now. */
async function replayed(primary: Client, standby: Client): Promise<void> {
  const { rows } = await primary.query<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn');
  const isThere = async (): Promise<boolean> => {
    const answer = await standby.query<{ there: boolean }>('select pg_last_wal_replay_lsn() >= $1::pg_lsn as there', [
      rows[0]?.lsn,
    ]);
    return answer.rows[0]?.there === true;
  };
  await waitFor(isThere, { what: 'the standby to have what the primary has', deadlineMs: 60_000 });
}
