import { dumpSchema, transaction } from '@ultracore/postgres';
import { waitFor } from '@ultracore/testkit';
import { v4 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { rebuildTenants } from '../../src/readmodel/rebuild.ts';
import { applyChanges } from '../../src/readmodel/rollouts.ts';
import { writeTenants } from '../../src/readmodel/tenants.ts';
import { SCHEMA } from '../../src/store/schema.ts';
import { createHistory, freshTenantId, openBackends, startProjector, storedRows, untilProjected } from '../backends.ts';
import { factsOf } from '../tenant/examples.ts';

describe('a rebuild', () => {
  test('makes the rows that the projector made, column for column, in the same schema, with its grants', async () => {
    await using backends = await openBackends();
    const { store, pool } = backends;
    const history = createHistory(store);
    startProjector(backends);
    await pool.query('grant select on tenant_configs to public');
    const ids: string[] = [];
    for (const name of ['plain', 'tab\tand\\slash', 'Zoë “Quoted”', String.raw`\N`]) {
      const id = freshTenantId();
      ids.push(id);
      const request = await history.create(id, { tenantName: name });
      if (ids.length % 2 === 0) await history.activate(id, request);
      else await history.say(id, factsOf(request).started);
    }
    await untilProjected(backends, history, ids);
    const [before, schema] = [await storedRows(pool, ids), await dumpSchema(pool, SCHEMA)];
    await pool.query("update tenant_configs set tenant_name = 'spoilt', max_connections = 1");
    await pool.query('delete from tenant_revisions where tenant_id = $1', [ids[0]]);
    const rebuilt = await rebuildTenants({ pool, store });
    expect(rebuilt.rows).toBeGreaterThanOrEqual(ids.length);
    expect(await storedRows(pool, ids)).toEqual(before);
    expect(await dumpSchema(pool, SCHEMA)).toBe(schema);
    const granted = await pool.query(
      "select from information_schema.role_table_grants where table_name = 'tenant_configs' and grantee = 'PUBLIC'",
    );
    expect(granted.rowCount).toBe(1);
  });

  test('loses nothing of what happens meanwhile, and the projector goes on with the new table', async () => {
    await using backends = await openBackends();
    const { store, pool } = backends;
    const history = createHistory(store);
    startProjector(backends);
    const ids: string[] = [];
    const stopping = new AbortController();
    const working = (async () => {
      while (!stopping.signal.aborted) {
        const id = freshTenantId();
        ids.push(id);
        await history.activate(id, await history.create(id));
      }
    })();
    for (let n = 0; n < 5; n += 1) await rebuildTenants({ pool, store });
    stopping.abort();
    await working;
    const late = freshTenantId();
    ids.push(late);
    await history.create(late);
    const expected = (await Promise.all(ids.toSorted().map((id) => history.row(id)))).map((row) => ({
      ...row,
      master_password_hash: null,
    }));
    await waitFor(async () => (await storedRows(pool, [late])).length === 1, { what: 'the latest row' });
    expect(await storedRows(pool, ids)).toEqual(expected);
  });

  test('that cannot read the last events in time gives up, leaves the table as it was and lets the projector in again', async () => {
    await using backends = await openBackends();
    const { pool, store } = backends;
    const history = createHistory(store);
    startProjector(backends);
    const [early, late] = [freshTenantId(), freshTenantId()];
    const isShown = (id: string) => async () => (await storedRows(pool, [id])).length === 1;
    await history.create(early);
    await waitFor(isShown(early), { what: 'the first row' });
    let readings = 0;
    const goingAway = {
      ...store,
      subscribeToAll: (options: Parameters<typeof store.subscribeToAll>[0]) => {
        readings += 1;
        return store.subscribeToAll(readings === 1 ? options : { ...options, onCaughtUp: () => undefined });
      },
    };
    await expect(rebuildTenants({ pool, store: goingAway, lockedForMs: 200 })).rejects.toThrow('could not be read in time');
    expect(readings).toBe(2);
    await history.create(late);
    await waitFor(isShown(late), { what: 'the row of the later tenant' });
    expect(await storedRows(pool, [early])).toHaveLength(1);
  });

  test('waits for changes of rollouts that are just being projected, with the rows of tenants behind them', async () => {
    await using backends = await openBackends();
    const { store, pool } = backends;
    const history = createHistory(store);
    const id = freshTenantId();
    await history.create(id);
    const row = await history.row(id);
    const ended = { change: 'ended', tenantId: id, requestId: v4(), revision: 1, failure: null } as const;
    let rebuilt: Promise<unknown> | undefined;
    await transaction(pool, async (client) => {
      await client.query("set local idle_in_transaction_session_timeout = '1min'");
      await applyChanges(client, [ended]);
      rebuilt = rebuildTenants({ pool, store });
      await waitFor(
        async () =>
          (await pool.query("select from pg_locks where not granted and relation = 'rollouts'::regclass")).rowCount === 1,
        { what: 'the rebuild to wait for what is being projected' },
      );
      await writeTenants(client, row ? [row] : [], null);
    });
    await rebuilt;
    expect(await storedRows(pool, [id])).toHaveLength(1);
  });

  test('of an empty log is an empty table, before any projector ran', async () => {
    await using backends = await openBackends();
    const { pool } = backends;
    const empty = {
      ...backends.store,
      subscribeToAll: (options: Parameters<typeof backends.store.subscribeToAll>[0]) =>
        backends.store.subscribeToAll({ ...options, streamPrefixes: [`none-${freshTenantId()}`] }),
    };
    expect(await rebuildTenants({ pool, store: empty })).toMatchObject({ rows: 0, events: 0 });
    expect((await pool.query('select from tenant_configs')).rowCount).toBe(0);
  });
});
