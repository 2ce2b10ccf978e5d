import { type PrivatePostgres, startPrivatePostgres } from '@ultracore/testkit';
import { constantFrom, array as arrayOf, sample, tuple } from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStatementGuard, type StatementGuard } from '../src/statement/guard.ts';
import { SHARED_READS, SHARED_WRITES } from './statement/cases.ts';
import { openSession, type Session, TABLES } from './statement/session.ts';

/**
 * What the guard lets into the shared lane is run on a real session, by a superuser, so that no right of the database helps the guard; and
 * the session must be afterwards what it was before.
 */
/** Whose texts these are; here as many as there are. */
const TESTER = 'tester';
const UNLIMITED = { has: () => true, isOverdrawn: () => false, spend: () => undefined };

let server: PrivatePostgres;
let guard: StatementGuard;
let admin: Client;

beforeAll(async () => {
  [server, guard] = await Promise.all([startPrivatePostgres(['fsync=off']), createStatementGuard({ allowance: UNLIMITED })]);
  admin = new Client({ connectionString: server.url() });
  await admin.connect();
  await admin.query(`create role tester; ${TABLES}`);
});
afterAll(async () => {
  await admin.end();
  await guard.close();
  await server.stop();
});

const isShared = (text: string): boolean => {
  const verdict = guard.inspect(text, { tier: 'small', inTransaction: false }, TESTER);
  return verdict.allowed && verdict.lane === 'shared';
};

/** Runs all of them on one session; the texts of a batch after which the session is not what it was, and how many Postgres carried out. */
async function leftBehindBy(texts: readonly string[]): Promise<{ left: readonly string[]; carriedOut: number }> {
  const BATCH = 50;
  const session = await openSession(server.url());
  try {
    const before = await session.state();
    let carriedOut = 0;
    for (let at = 0; at < texts.length; at += BATCH) {
      const batch = texts.slice(at, at + BATCH);
      const codes = await Promise.all(batch.map((text) => session.run(text)));
      carriedOut += codes.filter((code) => code === undefined).length;
      if ((await session.state()) !== before) return { left: await culprits(batch), carriedOut };
    }
    return { left: [], carriedOut };
  } finally {
    await session.close();
  }
}

async function culprits(texts: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  for (const text of texts) {
    const session: Session = await openSession(server.url());
    const before = await session.state();
    await session.run(text);
    if ((await session.state()) !== before) found.push(text);
    await session.close();
  }
  return found.length > 0 ? found : ['none of the batch alone', ...texts];
}

describe('the state of a session', () => {
  it.each([
    "select set_config('work_mem', '1MB', false)",
    "update pg_settings set setting = '1MB' where name = 'work_mem'",
    "set app.x = 'y'",
    "set timezone = 'Europe/Zurich'",
    'set role tester',
    'set session authorization tester',
    'select pg_advisory_lock(1)',
    'select (1::bigint).pg_advisory_lock',
    'listen c',
    'create temp table t (a int)',
    'create table pg_temp.t (a int)',
    'prepare p as select 1',
    'declare c cursor with hold for select 1',
    'begin',
    "alter role tester set work_mem = '1MB'",
  ])('shows what is left behind by: %s', async (text) => {
    const session = await openSession(server.url());
    const before = await session.state();
    expect(await session.run(text)).toBeUndefined();
    expect(await session.state()).not.toBe(before);
    expect(isShared(text)).toBe(false);
    await session.close();
    await admin.query('alter role tester reset all');
  });
});

describe('in the shared lane nothing is left behind', () => {
  it('by the statements that the guard’s tests say are shared', async () => {
    const texts = [...SHARED_READS, ...SHARED_WRITES];
    expect(texts.filter((text) => !isShared(text))).toEqual([]);
    const { left, carriedOut } = await leftBehindBy(texts);
    expect(left).toEqual([]);
    expect(carriedOut).toBeGreaterThan(texts.length * 0.9);
  });

  it('by these within one another', async () => {
    const wraps = constantFrom<(inner: string) => string>(
      (x) => `select * from (${x}) w`,
      (x) => `with w as (${x}) select * from w`,
      (x) => `with w as materialized (${x}) select count(*) from w`,
      (x) => `select exists (${x})`,
      (x) => `select array(select 1 from (${x}) w)`,
      (x) => `(${x}) union all (${x})`,
      (x) => `explain ${x}`,
      (x) => `insert into orders (id) select 1 where exists (${x}) on conflict do nothing`,
      (x) => `select json_agg(w) from (${x}) w`,
      (x) => `values ((select count(*) from (${x}) w))`,
    );
    const bare = SHARED_READS.map((text) => text.replace(/;\s*$|--.*$/g, ''));
    const texts = sample(tuple(constantFrom(...bare), arrayOf(wraps, { minLength: 1, maxLength: 3 })), {
      numRuns: 1500,
      seed: 7,
    }).map(([text, applied]) => applied.reduce<string>((inner, wrap) => wrap(inner), text));
    const shared = texts.filter(isShared);
    expect(shared.length).toBeGreaterThan(500);
    const { left, carriedOut } = await leftBehindBy(shared);
    expect(left).toEqual([]);
    expect(carriedOut).toBeGreaterThan(shared.length * 0.5);
  });

  it('by any function of Postgres, in any way of calling it', async () => {
    const texts = (await callsOfAllFunctions()).filter(isShared);
    expect(texts.length).toBeGreaterThan(5000);
    const { left, carriedOut } = await leftBehindBy(texts);
    expect(left).toEqual([]);
    expect(carriedOut).toBeGreaterThan(2000);
  });
});

describe('what a tenant has set for its role', () => {
  it('does not change what the guard’s verdicts rest on, not even after DISCARD ALL', async () => {
    await admin.query(`alter role tester login password 'secret'; alter role tester set search_path = own, pg_catalog;
      alter role tester set standard_conforming_strings = off; alter role tester set bytea_output = escape`);
    const url = new URL(server.url());
    url.username = 'tester';
    url.password = 'secret';
    const session = await openSession(url.href);
    const settings = (): Promise<string[]> =>
      session.column(
        `select unnest(array[current_setting('search_path'), current_setting('standard_conforming_strings'), current_setting('bytea_output')])`,
      );
    expect(await settings()).toEqual(['app, pg_temp', 'on', 'hex']);
    await session.backend.command('set search_path = own; set standard_conforming_strings = off');
    await session.backend.command('discard all');
    expect(await settings()).toEqual(['app, pg_temp', 'on', 'hex']);
    await session.close();
  });
});

describe('what Postgres reads as one statement', () => {
  it('the guard reads as one too', async () => {
    const words = [
      'select',
      'from',
      'orders',
      'where',
      '(',
      ')',
      ',',
      "'",
      '"',
      '$$',
      '$a$',
      ';',
      'a',
      '1',
      '--',
      '\n',
      '/*',
      '*/',
      'with',
      'as',
      'E',
      '\\',
      'U&',
      '::',
      '.',
      '*',
      'é',
      ' ',
      'values',
      '||',
      '?',
      '@',
      '-',
      'uescape',
      'b',
      'x',
      '1e5',
      '0x1F',
      '$1',
    ];
    const texts = sample(arrayOf(constantFrom(...words), { minLength: 1, maxLength: 10 }), { numRuns: 4000, seed: 11 }).map(
      (parts) => parts.join(parts.length % 2 === 0 ? ' ' : ''),
    );
    const session = await openSession(server.url());
    let taken = 0;
    for (const text of new Set(texts)) {
      const verdict = guard.inspect(text, { tier: 'small', inTransaction: false }, TESTER);
      const readable = await session.backend.describe(text).then(
        () => true,
        () => false,
      );
      if (!readable) continue;
      taken += 1;
      const code = verdict.allowed ? 'allowed' : verdict.code;
      expect([text, code === 'syntax_error' || code === 'multiple_statements']).toEqual([text, false]);
    }
    await session.close();
    expect(taken).toBeGreaterThan(50);
  });
});

/** A value of each type that a function of Postgres may take. */
const VALUES: Readonly<Record<string, string>> = {
  bool: 'true',
  bytea: "'\\x00'",
  char: "'a'",
  name: "'orders'",
  int8: '1',
  int2: '1',
  int4: '1',
  text: "'a'",
  oid: '1259',
  float4: '0.5',
  float8: '0.5',
  numeric: '1.5',
  json: "'{}'",
  jsonb: '\'{"a": 1}\'',
  xml: "'<a/>'",
  date: "'2026-01-01'",
  time: "'10:00'",
  timetz: "'10:00+00'",
  timestamp: "'2026-01-01'",
  timestamptz: "'2026-01-01'",
  interval: "'1 day'",
  uuid: "'123e4567-e89b-12d3-a456-426614174000'",
  inet: "'10.0.0.1'",
  cidr: "'10.0.0.0/8'",
  bpchar: "'a'",
  varchar: "'a'",
  regclass: "'orders'",
  regtype: "'int'",
  regproc: "'now'",
  regprocedure: "'now()'",
  regrole: "'pg_monitor'",
  regnamespace: "'app'",
  regconfig: "'simple'",
  regdictionary: "'simple'",
  tsvector: "'a'",
  tsquery: "'a'",
  bit: "'1'",
  varbit: "'1'",
  money: "'1'",
  point: "'(1,2)'",
  box: "'(1,2),(3,4)'",
  circle: "'<(1,2),3>'",
  path: "'((1,2),(3,4))'",
  polygon: "'((1,2),(3,4))'",
  line: "'{1,2,3}'",
  lseg: "'[(1,2),(3,4)]'",
  int4range: "'[1,2)'",
  numrange: "'[1,2)'",
  int8range: "'[1,2)'",
  daterange: "'[2026-01-01,2026-02-01)'",
  jsonpath: "'$'",
  xid: "'1'",
  xid8: "'1'",
  pg_lsn: "'0/0'",
  anyelement: '1',
  anyarray: 'array[1]',
  anynonarray: '1',
  anycompatible: '1',
  anycompatiblearray: 'array[1]',
  anycompatiblenonarray: '1',
  any: '1',
  anyenum: "'a'",
  anyrange: "int4range '[1,2)'",
  anymultirange: "int4multirange '{[1,2)}'",
  record: 'row(1, 2)',
  cstring: "'a'",
  _text: "'{a}'",
  _int4: "'{1}'",
  refcursor: "'c'",
  macaddr: "'08:00:2b:01:02:03'",
  tid: "'(1,2)'",
  cid: "'1'",
  pg_snapshot: "'1:1:'",
  txid_snapshot: "'1:1:'",
};

/** Each function with plausible arguments: as an expression, as a table, of rows, and as a field of its argument. */
async function callsOfAllFunctions(): Promise<string[]> {
  const { rows } = await admin.query<{ name: string; kind: string; types: string[] }>(
    `select quote_ident(p.proname) as name, p.prokind as kind,
            array(select t.typname::text from unnest(p.proargtypes) with ordinality a(type, place) join pg_type t on t.oid = a.type order by place) as types
       from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and not 'internal'::regtype = any (p.proargtypes)`,
  );
  return rows.flatMap(({ name, kind, types }) => {
    const args = types.map((type) =>
      type.startsWith('any') || type === 'record' ? (VALUES[type] ?? '1') : `${VALUES[type] ?? 'null'}::${typeName(type)}`,
    );
    const call = `${name}(${args.join(', ')})`;
    if (kind === 'w') return [`select ${call} over () from orders`];
    if (kind === 'a') return [`select ${call} from orders`, `select ${call} over () from orders`];
    const [only] = args;
    const fields =
      args.length === 1
        ? [`select (${only}).${name}`, `select x.${name} from (select ${only} as v) y, lateral unnest(array[y.v]) x`]
        : [];
    return [`select ${call}`, `select * from pg_catalog.${call} f`, ...fields];
  });
}

const typeName = (type: string): string => (type.startsWith('_') ? `pg_catalog."${type.slice(1)}"[]` : `pg_catalog."${type}"`);
