import { TIERS } from '@ultracore/contracts';
import * as fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { createStatementGuard } from '../../src/statement/guard.ts';
import type { StatementContext } from '../../src/statement/rules.ts';
import type { Verdict } from '../../src/statement/verdict.ts';
import { ENTERPRISE_ONLY, OWN, REFUSED, SHARED_READS, SHARED_WRITES, TRANSACTION_ONLY } from './cases.ts';

/** Whose texts these are; here as many as there are. */
const TESTER = 'tester';
const UNLIMITED = { has: () => true, isOverdrawn: () => false, spend: () => undefined };
const guard = await createStatementGuard({ allowance: UNLIMITED });
afterAll(() => guard.close());

const PLACES: readonly StatementContext[] = TIERS.flatMap((tier) => [
  { tier, inTransaction: false },
  { tier, inTransaction: true },
]);
const OUTSIDE = PLACES.filter(({ inTransaction }) => !inTransaction);
const INSIDE = PLACES.filter(({ inTransaction }) => inTransaction);

const verdictsOf = (sql: string, places: readonly StatementContext[]): Verdict[] =>
  places.map((place) => guard.inspect(sql, place, TESTER));
/** One word for each place: the lane, or the code of the refusal. */
const wordsOf = (sql: string, places: readonly StatementContext[]): string[] =>
  verdictsOf(sql, places).map((verdict) => (verdict.allowed ? verdict.lane : verdict.code));
const small = { tier: 'small', inTransaction: false } as const;

describe('the statement guard', () => {
  it.each(SHARED_READS)('lets through, pipelined and as a read: %s', (sql) => {
    for (const verdict of verdictsOf(sql, OUTSIDE))
      expect(verdict).toMatchObject({ allowed: true, lane: 'shared', reads: true, repeatable: true });
    expect(wordsOf(sql, INSIDE)).toEqual(['own', 'own', 'own']);
  });

  it.each(SHARED_WRITES)('lets through, pipelined, and never runs twice: %s', (sql) => {
    for (const verdict of verdictsOf(sql, OUTSIDE))
      expect(verdict).toMatchObject({ allowed: true, lane: 'shared', reads: false, repeatable: false });
  });

  it.each(OWN)('gives a connection of its own to: %s', (sql) => {
    for (const verdict of verdictsOf(sql, PLACES))
      expect(verdict).toMatchObject({ allowed: true, lane: 'own', reads: false, repeatable: false });
  });

  it.each(REFUSED)('refuses everywhere: %s', (sql, code) => {
    expect(new Set(wordsOf(sql, PLACES))).toEqual(new Set([code]));
  });

  it.each(ENTERPRISE_ONLY)('refuses where tenants share a database: %s', (sql, code) => {
    for (const place of PLACES) expect(wordsOf(sql, [place])).toEqual([place.tier === 'enterprise' ? 'own' : code]);
  });

  it.each(TRANSACTION_ONLY)('refuses outside of a transaction: %s', (sql, code) => {
    expect(new Set(wordsOf(sql, OUTSIDE))).toEqual(new Set([code]));
    expect(new Set(wordsOf(sql, INSIDE))).toEqual(new Set(['own']));
  });

  it('knows the schema of each tier’s tables', () => {
    const words = (sql: string): Record<string, string> =>
      Object.fromEntries(OUTSIDE.map((place) => [place.tier, wordsOf(sql, [place])[0] ?? '']));
    expect(words('select * from app.orders')).toEqual({ enterprise: 'shared', standard: 'own', small: 'shared' });
    expect(words('insert into app.orders (id) values (app.orders.id::app.thing)')).toEqual({
      enterprise: 'shared',
      standard: 'own',
      small: 'shared',
    });
    expect(words('select * from tenant_acme.orders')).toEqual({ enterprise: 'own', standard: 'shared', small: 'own' });
    expect(words('truncate orders')).toEqual({ enterprise: 'own', standard: 'own', small: 'truncate' });
  });

  it('lets only an enterprise tenant lock a table, and only in a transaction', () => {
    for (const place of PLACES) {
      const word = place.tier === 'enterprise' && place.inTransaction ? 'own' : 'table_lock';
      expect(wordsOf('lock table orders in access exclusive mode', [place])).toEqual([word]);
    }
  });

  it('refuses functions that carry settings of their own, but for their search_path', () => {
    const enterprise = { tier: 'enterprise', inTransaction: false } as const;
    const create = 'create function own.f() returns int language sql return 1';
    expect(guard.inspect(create.replace(' language', " set work_mem = '1GB' language"), enterprise, TESTER)).toMatchObject({
      code: 'function_setting',
    });
    expect(guard.inspect('alter function own.f set statement_timeout = 0', enterprise, TESTER)).toMatchObject({
      code: 'function_setting',
    });
    expect(guard.inspect('alter function own.f set search_path = app', enterprise, TESTER)).toMatchObject({ lane: 'own' });
  });

  it('says what kind of statement it is', () => {
    const kindOf = (sql: string): string => {
      const verdict = guard.inspect(sql, { tier: 'enterprise', inTransaction: false }, TESTER);
      return verdict.allowed ? verdict.kind : verdict.code;
    };
    expect(kindOf('table orders')).toBe('select');
    expect(kindOf('values (1)')).toBe('values');
    expect(kindOf('with x as (delete from orders) select 1')).toBe('select');
    expect(kindOf('merge into orders using portfolios on true when matched then delete')).toBe('merge');
    expect(kindOf('create table t as select 1')).toBe('create_table_as');
    expect(kindOf('show all')).toBe('variable_show');
    expect(kindOf('call f()')).toBe('call');
  });

  it('counts positions in characters, as Postgres does', () => {
    expect(guard.inspect("select 'é😀' from orders x y", small, TESTER)).toMatchObject({ code: 'syntax_error', position: 27 });
    expect(guard.inspect("select 'é😀', pg_sleep(1), lo_creat(1)", small, TESTER)).toMatchObject({
      code: 'large_object',
      position: 27,
    });
    expect(guard.inspect("select '😀'; select 2", small, TESTER)).toMatchObject({ code: 'multiple_statements', position: 13 });
  });

  it('refuses texts that parser and server could read differently', () => {
    expect(guard.inspect('select 1\0; drop table orders', small, TESTER)).toMatchObject({ code: 'nul_character', position: 9 });
    expect(guard.inspect("select '\ud800' || 'x'", small, TESTER)).toMatchObject({ code: 'ill_formed_text' });
    expect(guard.inspect('select 1 -- \udc00', small, TESTER)).toMatchObject({ code: 'ill_formed_text' });
  });

  it('gives the same verdict the second time', () => {
    for (const sql of [...SHARED_READS, ...OWN])
      expect(guard.inspect(sql, small, TESTER)).toBe(guard.inspect(sql, small, TESTER));
  });
});

describe('whatever surrounds it', () => {
  const noise = fc.constantFrom(' ', '\n', '\t', '/**/', '/* /* nested */ */', '-- x\n', '\r\n');
  const around = (text: string, space: string): string => text.replaceAll(' ', space);

  it('a forbidden call is found', () => {
    const call = fc.constantFrom(
      "set_config('a','b',false)",
      "SET_CONFIG('a','b',false)",
      "\"set_config\"('a','b',false)",
      "pg_catalog.set_config('a','b',false)",
      "U&\"set\\005fconfig\"('a','b',false)",
      "set_config(('a'),$q$b$q$,not true)",
      "set_config(variadic array['a','b','c'])",
      'pg_advisory_lock(1)',
      '(1).pg_advisory_lock',
    );
    const wrap = fc.constantFrom<(inner: string) => string>(
      (x) => `(${x})`,
      (x) => `(select ${x})`,
      (x) => `coalesce(null, ${x}::text)`,
      (x) => `case when ${x} is null then null end`,
      (x) => `(array[${x}])[1]`,
      (x) => `(row(${x})).f1`,
      (x) => `${x}::text`,
      (x) => `${x} || 'x'`,
      (x) => `count(*) filter (where ${x} is null)`,
      (x) => `(select max(y) from (values (${x})) v(y))`,
      (x) => `(with w as (select ${x} as z) select z from w)`,
      (x) => `json_build_object('a', ${x})`,
      (x) => `exists (select 1 where ${x} is null)`,
    );
    fc.assert(
      fc.property(call, fc.array(wrap, { maxLength: 6 }), noise, (inner, wraps, space) => {
        const expression = wraps.reduce<string>((text, apply) => apply(text), inner);
        expect(
          wordsOf(around(`select ${expression} from orders`, space), OUTSIDE).filter(
            (word) => word === 'shared' || word === 'own',
          ),
        ).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });

  it('a text in quotes is only a text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        fc.pre(!text.includes('\0') && text.isWellFormed());
        const literal = `'${text.replaceAll("'", "''")}'`;
        expect(wordsOf(`select ${literal}`, [small])).toEqual(['shared']);
        const name = `"${text.replaceAll('"', '""')}"`;
        if (text !== '') expect(wordsOf(`select 1 as ${name}`, [small])).toEqual(['shared']);
      }),
    );
  });

  it('a text that Postgres’s parser does not take is refused, whatever it is', () => {
    const words = fc.constantFrom(
      'select',
      'from',
      '(',
      ')',
      ',',
      "'",
      '"',
      '$$',
      ';',
      'a',
      '1',
      '--',
      '/*',
      'with',
      'as',
      'set',
      'E',
      '\\',
      'U&',
      '::',
      '.',
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 12 }), (parts) => {
        expect(guard.inspect(parts.join(' '), small, TESTER)).toHaveProperty('allowed');
      }),
      { numRuns: 2000 },
    );
  });
});

describe('long and deep texts', () => {
  const repeat = (head: string, part: string, times: number, tail: string): string => head + part.repeat(times) + tail;

  it('nest as deeply as a short text can without harm', () => {
    for (const [part, close] of [
      ['(', ')'],
      ['f(', ')'],
      ['[', ']'],
      ['- ', ''],
      ['not ', ''],
      ['1+', ''],
      ['case when ', ''],
      ['a[', ']'],
      ['@ ', ''],
    ] as const) {
      const times = Math.floor(4000 / (part.length + close.length));
      const sql = `select ${part === '[' ? 'array' : ''}${part.repeat(times)}1${close.repeat(times)}`.slice(0, 4096);
      expect(guard.inspect(sql, small, TESTER)).toHaveProperty('allowed');
      expect(wordsOf('select 1', [small])).toEqual(['shared']);
    }
  });

  it('are not looked at on the spot', async () => {
    const sql = repeat('insert into orders values ', '(1, 2), ', 10_000, '(3, 4)');
    expect(wordsOf(sql, [small])).toEqual(['guard_busy']);
    await guard.prepare(sql, TESTER);
    expect(guard.prepare(sql, TESTER)).toBeUndefined();
    expect(wordsOf(sql, [small])).toEqual(['shared']);
  });

  it('that break the parser are refused, and the next one is not', async () => {
    const deep = repeat('select ', '1+', 60_000, '1');
    const long = `select '${'x'.repeat(10_000)}'`;
    await Promise.all([guard.prepare(deep, TESTER), guard.prepare(long, TESTER)]);
    expect(wordsOf(deep, [small])).toEqual(['too_complex']);
    expect(wordsOf(long, [small])).toEqual(['shared']);
  });

  it('hide nothing at their end', async () => {
    const sql = `${repeat('select ', '1, ', 20_000, '')} set_config('a', 'b', false)`;
    await guard.prepare(sql, TESTER);
    expect(wordsOf(sql, [small])).toEqual(['session_setting']);
  });

  it('beyond the bound are refused unseen', () => {
    const sql = `select '${'x'.repeat(256 * 1024)}'`;
    expect(guard.prepare(sql, TESTER)).toBeUndefined();
    expect(wordsOf(sql, [small])).toEqual(['text_too_long']);
  });
});
