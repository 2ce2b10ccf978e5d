import { testStack } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogFunctionsOf, committedCatalogFunctions, mergeCatalogFunctions } from '../../scripts/catalog-functions.ts';
import { findingOfCall, findingOfColumn, findingOfField } from '../../src/statement/functions.ts';

let client: Client;
beforeAll(async () => {
  client = new Client({ connectionString: testStack().postgresUrl() });
  await client.connect();
});
afterAll(() => client.end());

const namesOf = async (sql: string): Promise<string[]> =>
  (await client.query<{ name: string }>(sql)).rows.map(({ name }) => name);

describe('the committed list of catalog functions', () => {
  it('takes none for stable that is volatile on this server: run scripts/generate-catalog-functions.ts', async () => {
    const committed = await committedCatalogFunctions();
    const server = await catalogFunctionsOf(testStack().postgresUrl());
    const volatile = new Set(committed.volatile);
    expect(server.volatile.filter((name) => !volatile.has(name))).toEqual([]);
  });

  it('knows what this server has, so that nothing is kept from the shared lane for want of a name', async () => {
    const committed = await committedCatalogFunctions();
    const server = await catalogFunctionsOf(testStack().postgresUrl());
    const known = new Set([...committed.volatile, ...committed.stable]);
    expect([...server.stable, ...server.volatile].filter((name) => !known.has(name))).toEqual([]);
  });

  it('follows the stricter of two servers', () => {
    const merged = mergeCatalogFunctions([
      { servers: ['18.1'], volatile: ['a'], stable: ['b', 'c'] },
      { servers: ['17.1'], volatile: ['b'], stable: ['a', 'd'] },
    ]);
    expect(merged).toEqual({ servers: ['17.1', '18.1'], volatile: ['a', 'b'], stable: ['c', 'd'] });
  });
});

describe('what the guard relies on', () => {
  it('operators, casts and types of Postgres run no volatile function', async () => {
    expect(
      await namesOf(`select p.proname as name from pg_operator o join pg_proc p on p.oid in (o.oprcode, o.oprrest, o.oprjoin) where p.provolatile = 'v'
        union all select p.proname from pg_cast c join pg_proc p on p.oid = c.castfunc where p.provolatile = 'v'
        union all select p.proname from pg_type t join pg_proc p on p.oid in (t.typinput, t.typoutput, t.typreceive, t.typsend, t.typmodin, t.typsubscript)
         where p.provolatile = 'v' and t.typtype <> 'p'`),
    ).toEqual([]);
  });

  it('views of Postgres call none that writes', async () => {
    const called = await namesOf(`select distinct p.proname as name from pg_rewrite r join pg_class c on c.oid = r.ev_class
      join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid and d.refclassid = 'pg_proc'::regclass
      join pg_proc p on p.oid = d.refobjid
     where c.relnamespace in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) and p.provolatile = 'v'`);
    const changing = called.filter((name) => /^(set_|pg_notify|lo_|nextval|setval|pg_(try_)?advisory|pg_stat_reset)/.test(name));
    expect(changing).toEqual([]);
  });

  it('no rule of a catalog is set off by reading, and only pg_settings’ by writing', async () => {
    expect(
      await namesOf(`select c.relname as name from pg_rewrite r join pg_class c on c.oid = r.ev_class
         where r.rulename <> '_RETURN' and c.relnamespace = 'pg_catalog'::regnamespace group by 1`),
    ).toEqual(['pg_settings']);
  });

  it('every function of Postgres that could change a session is refused or kept to a connection of its own, in each way of calling it', async () => {
    const { volatile } = await committedCatalogFunctions();
    const free = volatile.filter((name) => findingOfCall([name], 1).rule === undefined);
    // Each of them was looked at: they return something else each time, and change no session; nextval and setval change a sequence.
    expect(free).toEqual([
      'array_sample',
      'array_shuffle',
      'bernoulli',
      'clock_timestamp',
      'current_query',
      'gen_random_uuid',
      'nextval',
      'pg_is_in_recovery',
      'random',
      'random_normal',
      'setval',
      'system',
      'timeofday',
      'uuidv4',
      'uuidv7',
    ]);
    for (const name of volatile) {
      expect(findingOfCall(['pg_catalog', name], 1)).toEqual(findingOfCall([name], 1));
      expect(findingOfField(name)).toEqual(findingOfCall([name], 1));
      expect(findingOfColumn(name)).toEqual(findingOfCall([name], 1));
    }
  });

  it('a function that nobody knows is never shared', () => {
    for (const name of ['no_such_function', 'constructor', '__proto__', 'LOWER', 'lower ']) {
      expect(findingOfCall([name], 1).rule).toBe('unknown_function');
      expect(findingOfField(name).rule).toBe('unknown_function');
    }
    for (const schema of ['app', 'tenant_x', 'own', 'public', 'information_schema', 'PG_CATALOG']) {
      expect(findingOfCall([schema, 'lower'], 1).rule).toBe('unknown_function');
    }
  });
});
