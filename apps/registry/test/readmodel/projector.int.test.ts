import { waitFor } from '@ultracore/testkit';
import { describe, expect, test } from 'vitest';
import { listTenants, writeTenants } from '../../src/readmodel/tenants.ts';
import { createHistory, freshTenantId, openBackends, startProjector, storedRows } from '../backends.ts';
import { factsOf } from '../tenant/examples.ts';

describe('the projector', () => {
  test('keeps a row for each tenant that equals the fold of its stream, column for column', async () => {
    await using backends = await openBackends();
    const { store, pool } = backends;
    const history = createHistory(store);
    const [active, failed, fresh] = [freshTenantId(), freshTenantId(), freshTenantId()];
    const request = await history.create(active, { tier: 'enterprise' });
    startProjector(backends);
    await history.activate(active, request);
    const broken = await history.create(failed, { tenantName: 'Zoë "Quoted" \\ Ünïcode', tier: 'small' });
    await history.say(failed, factsOf(broken).started);
    await history.say(failed, factsOf(broken).failed);
    await history.create(fresh);
    const ids = [active, failed, fresh];
    const expected = await Promise.all(ids.map((id) => history.row(id)));
    const rows = await waitFor(
      async () => {
        const stored = await storedRows(pool, ids);
        return stored.length === 3 &&
          stored.every((row) => row.revision === expected.find((e) => e?.tenant_id === row.tenant_id)?.revision)
          ? stored
          : undefined;
      },
      { what: 'the rows to be up to date', deadlineMs: 20_000 },
    );
    const byId = expected.toSorted((a, b) => ((a?.tenant_id ?? '') < (b?.tenant_id ?? '') ? -1 : 1));
    expect(rows).toEqual(byId.map((row) => ({ ...row, master_password_hash: null })));
    expect(rows.find((row) => row.tenant_id === active)).toMatchObject({ status: 'active', db_username: 'uc_standard_002' });
  });

  test('a row is never replaced by an older one', async () => {
    await using backends = await openBackends();
    const history = createHistory(backends.store);
    const id = freshTenantId();
    await history.create(id);
    const old = await history.row(id);
    if (!old) throw new Error('there is no row');
    await writeTenants(backends.pool, [{ ...old, revision: 3, status: 'active' }], null);
    await writeTenants(backends.pool, [{ ...old, revision: 2, status: 'failed' }], null);
    await writeTenants(backends.pool, [{ ...old, revision: 3, status: 'failed' }], null);
    expect(await storedRows(backends.pool, [id])).toMatchObject([{ revision: 3, status: 'active' }]);
  });

  test('goes on from its checkpoint after a stop, also when it was stopped inside a transaction', async () => {
    await using backends = await openBackends();
    const { store, pool } = backends;
    const history = createHistory(store);
    const id = freshTenantId();
    let killed = false;
    const dying = startProjector(backends, 'one', (name) => {
      if (name !== 'projector:commit:before' || killed) return;
      killed = true;
      throw new Error('killed before the commit');
    });
    const request = await history.create(id);
    await waitFor(() => killed, { what: 'the projector to die before its commit', deadlineMs: 10_000 });
    await history.activate(id, request);
    await waitFor(async () => (await storedRows(pool, [id]))[0]?.status === 'active', {
      what: 'the row of the active tenant',
      deadlineMs: 10_000,
    });
    await dying.stop();
    const second = freshTenantId();
    await history.create(second);
    startProjector(backends, 'two');
    await waitFor(async () => (await storedRows(pool, [second])).length === 1, {
      what: 'the row of the later tenant',
      deadlineMs: 10_000,
    });
    expect(await storedRows(pool, [id])).toMatchObject([{ status: 'active', revision: 5 }]);
  });

  test('of two, one projects; the other takes over', async () => {
    await using backends = await openBackends();
    const [one, two] = [startProjector(backends, 'one'), startProjector(backends, 'two')];
    await waitFor(() => one.active() || two.active(), { what: 'one to project', deadlineMs: 5_000 });
    expect([one.active(), two.active()].filter(Boolean)).toHaveLength(1);
    const [first, second] = one.active() ? [one, two] : [two, one];
    await first.stop();
    await waitFor(() => second.active(), { what: 'the other to take over', deadlineMs: 5_000 });
  });

  test('lists those whose home is known not to be what its version should look like, or the others', async () => {
    await using backends = await openBackends();
    const { store, pool } = backends;
    startProjector(backends);
    const history = createHistory(store);
    const [drifted, mended, other] = [freshTenantId(), freshTenantId(), freshTenantId()];
    for (const id of [drifted, mended, other]) {
      const request = await history.create(id);
      await history.activate(id, request);
      const facts = factsOf(request);
      if (id !== other) await history.say(id, facts.drifted);
      if (id === mended) await history.say(id, facts.undrifted);
    }
    const idsOf = async (drift?: boolean) => (await listTenants(pool, { drift, limit: 10 })).map(({ tenant_id: id }) => id);
    await waitFor(async () => (await storedRows(pool, [mended]))[0]?.revision === 7, { what: 'the rows', deadlineMs: 20_000 });
    await waitFor(async () => (await storedRows(pool, [other]))[0]?.status === 'active', {
      what: 'the rows',
      deadlineMs: 20_000,
    });
    expect(await idsOf(true)).toEqual([drifted]);
    expect(await idsOf(false)).toEqual([mended, other].toSorted());
    expect(await idsOf()).toHaveLength(3);
  });

  test('shows a tenant without anything else having to happen', async () => {
    await using backends = await openBackends();
    const { store, pool } = backends;
    const projector = startProjector(backends);
    const history = createHistory(store);
    const warm = freshTenantId();
    await history.create(warm);
    await waitFor(async () => (await storedRows(pool, [warm])).length === 1, { what: 'the first row', deadlineMs: 20_000 });
    expect(projector.active()).toBe(true);
    for (let n = 0; n < 20; n += 1) {
      const id = freshTenantId();
      await history.create(id);
      await waitFor(async () => (await pool.query('select 1 from tenant_configs where tenant_id = $1', [id])).rowCount === 1, {
        what: 'the row',
        deadlineMs: 20_000,
        everyMs: 1,
      });
    }
    expect(projector.active()).toBe(true);
  });
});
