import { freshDatabase, type PrivatePostgres, startPrivatePostgres, testStack, waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, crowd } from './answers.ts';
import { foundTown, manage, settle, type Town } from './tenants.ts';

const NAME = 'select name from mine where id = $1';
const NOTE = 'insert into notes (body) values ($1)';

describe('when connections are terminated under load', () => {
  it('one after another, reads are answered all the same', async () => {
    await using town = await foundTown(testStack(), 2);
    await using pools = manage(town);
    const load = startLoad(16, async (member) => {
      const id = town.ids[member % 2] ?? '';
      const { rows } = await ask(pools.manager.getPool(id), NAME, ['5'], { repeatable: true }).answer;
      expect(rows).toEqual([[id]]);
    });
    for (let round = 0; round < 3; round++) await endOneByOne(town, load);
    await load.end();
  });

  it('all at once, reads are answered or said to be lost, and writes are done exactly once or said to be in doubt', async () => {
    await using town = await foundTown(testStack(), 2);
    await using pools = manage(town);
    let asked = 0;
    const outcome = { read: 0, written: new Set<string>(), doubtful: new Set<string>() };
    const load = startLoad(32, async (member) => {
      const id = town.ids[member % 2] ?? '';
      const pool = pools.manager.getPool(id);
      const body = String(asked++);
      const isRead = member < 16;
      const asking = isRead ? ask(pool, NAME, ['5'], { repeatable: true }) : ask(pool, NOTE, [body]);
      await asking.answer.then(
        ({ rows }) => {
          if (isRead) {
            expect(rows).toEqual([[id]]);
            outcome.read++;
          } else outcome.written.add(body);
        },
        (error: { code?: string; started?: boolean }) => {
          // A read is run once more, and that connection may be one of those that are about to end.
          expect(error).toMatchObject({ code: 'connection_lost', started: true });
          if (!isRead) outcome.doubtful.add(body);
        },
      );
    });
    for (let round = 0; round < 10; round++) {
      const before = asked;
      await waitFor(() => asked > before + 100, { what: 'the load to go on', deadlineMs: 30_000 });
      await town.admin.query('select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1', [
        town.applicationName,
      ]);
    }
    await load.end();
    const found = await Promise.all(
      town.ids.map((tenantId) => pools.manager.query<{ body: string }>('select body from notes', [], { tenantId })),
    );
    const bodies = found.flatMap(({ rows }) => rows.map(({ body }) => body));
    expect(outcome.read).toBeGreaterThan(100);
    expect(outcome.written.size).toBeGreaterThan(100);
    expect([...outcome.written].filter((body) => !bodies.includes(body))).toEqual([]);
    expect(bodies.filter((body) => !outcome.written.has(body) && !outcome.doubtful.has(body))).toEqual([]);
    expect(new Set(bodies).size).toBe(bodies.length);
  });
});

interface Load {
  /** Resolves when every request that is on its way now has ended, and each caller has sent a later one. */
  turn(): Promise<void>;
  end(): Promise<void>;
}

function startLoad(size: number, work: (member: number) => Promise<void>): Load {
  const turns = Array.from({ length: size }, () => 0);
  let ended = false;
  const running = crowd(
    size,
    () => ended,
    async (member) => {
      await work(member);
      turns[member] = (turns[member] ?? 0) + 1;
    },
  );
  return {
    async turn() {
      const before = [...turns];
      const passed = waitFor(() => turns.every((count, member) => count > (before[member] ?? 0)), {
        what: 'every caller to be answered',
        deadlineMs: 30_000,
      });
      await Promise.race([passed, running]);
    },
    async end() {
      ended = true;
      await running;
    },
  };
}

/** Ends each connection of the town's manager, the next when nobody waits any more for what the last one took down. */
async function endOneByOne(town: Town, load: Load): Promise<void> {
  await load.turn();
  const { rows } = await town.admin.query<{ pid: number }>('select pid from pg_stat_activity where application_name = $1', [
    town.applicationName,
  ]);
  expect(rows.length).toBeGreaterThan(0);
  for (const { pid } of rows) {
    await town.admin.query('select pg_terminate_backend($1, 30000)', [pid]);
    await load.turn();
  }
}

describe('when Postgres is restarted', () => {
  let server: PrivatePostgres;

  beforeAll(async () => {
    server = await startPrivatePostgres();
  });
  afterAll(() => server.stop());

  it('requests wait and are answered when it is back, or told that it cannot be reached when their time is up before', async () => {
    await using town = await settle(server, 'postgres', 2);
    await using pools = manage(town, { each: { connectionTimeoutMs: 20_000 } });
    const [a = '', b = ''] = town.ids;
    await Promise.all([a, b].map((tenantId) => pools.manager.query('select 1', [], { tenantId })));
    await server.pause();
    await waitFor(() => pools.manager.getPoolStats().total === 0, { what: 'the connections to be gone' });
    const impatient = pools.manager.query('select 1', [], { tenantId: a, timeoutMs: 500 });
    const patient = [a, b].map((id) => ask(pools.manager.getPool(id), NAME, ['1']).answer);
    await expect(impatient).rejects.toMatchObject({ code: 'server_unreachable' });
    expect(pools.manager.health()).toContain(`${server.host}:${server.port}`);
    await server.resume();
    expect(await Promise.all(patient)).toEqual([a, b].map((id) => ({ rows: [[id]], tag: 'SELECT 1' })));
    expect(pools.manager.health()).toBeUndefined();
  });
});

describe('a login', () => {
  it('whose password is changed under load fails no request: the other known password is tried', async () => {
    await using town = await foundTown(testStack(), 1);
    const [id = ''] = town.ids;
    await using pools = manage(town);
    const passwords = [async () => 'pw', async () => 'next'];
    pools.manager.registerTenant(
      town.registration(id, {
        readwrite: { user: `pooled_${id}`, passwords },
        readonly: { user: `pooled_${id}__ro`, passwords },
      }),
    );
    const load = startLoad(8, async (member) => {
      const pool = pools.manager.getPool(id, { readonly: member % 2 === 0 });
      expect((await ask(pool, NAME, ['1'], { repeatable: true }).answer).rows).toEqual([[id]]);
    });
    await load.turn();
    await town.setPassword(id, 'next');
    for (let round = 0; round < 3; round++) await endOneByOne(town, load);
    await load.end();
  });

  it('whose passwords are all refused waits for a newer registration, and fails when its time is up', async () => {
    await using town = await foundTown(testStack(), 1);
    const [id = ''] = town.ids;
    await using pools = manage(town);
    await town.setPassword(id, 'next');
    const pool = pools.manager.getPool(id);
    await expect(pool.query('select 1', [], { timeoutMs: 300 })).rejects.toMatchObject({ code: 'login_failed' });
    const waiting = ask(pool, NAME, ['1']);
    await waitFor(() => pool.stats().waiting === 1, { what: 'the request to wait' });
    const passwords = [async () => 'pw', async () => 'next'];
    pools.manager.registerTenant(
      town.registration(id, {
        readwrite: { user: `pooled_${id}`, passwords },
        readonly: { user: `pooled_${id}__ro`, passwords },
      }),
    );
    expect((await waiting.answer).rows).toEqual([[id]]);
  });

  it('whose password cannot be read fails its own tenant’s requests only', async () => {
    await using town = await foundTown(testStack(), 2);
    const [broken = '', sound = ''] = town.ids;
    await using pools = manage(town);
    const passwords = [() => Promise.reject(new Error('the key is not there'))];
    pools.manager.registerTenant(town.registration(broken, { readwrite: { user: `pooled_${broken}`, passwords } }));
    await expect(pools.manager.query('select 1', [], { tenantId: broken, timeoutMs: 200 })).rejects.toMatchObject({
      code: 'login_failed',
    });
    await expect(pools.manager.query('select 1', [], { tenantId: sound })).resolves.toMatchObject({ rowCount: 1 });
  });
});

describe('a tenant', () => {
  it('that is removed has its running statements cancelled, its waiting ones refused and its connections closed', async () => {
    await using town = await foundTown(testStack(), 2);
    await using pools = manage(town, { each: { maxConnections: 3, maxConcurrentQueries: 3 } });
    const [id = '', other = ''] = town.ids;
    const pool = pools.manager.getPool(id);
    const lent = await pool.acquire();
    await lent.begin();
    await lent.query(NOTE, ['never']);
    const asked = Array.from({ length: 6 }, () => ask(pool, 'select pg_sleep(60)'));
    await waitFor(() => pool.stats().inUse >= 2, { what: 'statements to run' });
    pools.manager.removeTenant(id, 'suspended');
    for (const { answer } of asked) await expect(answer).rejects.toMatchObject({ code: 'tenant_removed' });
    await expect(lent.commit()).rejects.toMatchObject({ code: 'tenant_removed' });
    await expect(pool.query('select 1')).rejects.toMatchObject({ code: 'tenant_removed' });
    expect(() => pools.manager.getPool(id)).toThrow(expect.objectContaining({ code: 'unknown_tenant' }));
    await waitFor(async () => (await town.connections()) === 0, { what: 'its connections to be closed' });
    expect(asked.map(({ ends }) => ends())).toEqual([1, 1, 1, 1, 1, 1]);
    await expect(pools.manager.query('select 1', [], { tenantId: other })).resolves.toMatchObject({ rowCount: 1 });
    pools.manager.registerTenant(town.registration(id));
    expect((await pools.manager.query('select body from notes', [], { tenantId: id })).rows).toEqual([]);
  });

  it('that is removed while its first connection is being opened leaves none behind, and its requests are told', async () => {
    await using town = await foundTown(testStack(), 1);
    const [id = ''] = town.ids;
    await using pools = manage(town);
    for (let round = 0; round < 5; round++) {
      pools.manager.registerTenant(town.registration(id));
      const asked = Array.from({ length: 5 }, () => ask(pools.manager.getPool(id), NAME, ['1']));
      const lease = pools.manager.getPool(id).acquire();
      await new Promise(setImmediate);
      pools.manager.removeTenant(id, 'terminated');
      for (const { answer } of asked) await expect(answer).rejects.toMatchObject({ code: 'tenant_removed' });
      await expect(lease).rejects.toMatchObject({ code: 'tenant_removed' });
    }
    await waitFor(() => pools.manager.getPoolStats().servers[0]?.used === 0, { what: 'the budget to be whole again' });
    expect(await town.connections()).toBe(0);
  });

  it('that moves to another database is served there from the next request on, and those that ran end where they were', async () => {
    await using town = await foundTown(testStack(), 1);
    await using other = await freshDatabase(testStack(), { prefix: 'pool' });
    await using pools = manage(town);
    const [id = ''] = town.ids;
    await town.admin.query(`grant connect on database ${other.name} to pooled_${id}`);
    const running = pools.manager.query<{ at: string }>('select current_database() as at, pg_sleep(0.3)', [], { tenantId: id });
    await waitFor(() => pools.manager.getPoolStats(id).inUse === 1, { what: 'the statement to run' });
    pools.manager.registerTenant(town.registration(id, { database: other.name }));
    const next = await pools.manager.query('select current_database() as at', [], { tenantId: id });
    expect(next.rows).toEqual([{ at: other.name }]);
    expect((await running).rows[0]?.at).toBe(town.database);
    await waitFor(() => pools.manager.getPoolStats(id).total === 1, { what: 'the old connection to be closed' });
  });
});
