import { testStack } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../src/index.ts';
import { wireDatabase } from './wire-database.ts';
import { startWire } from './wire-network.ts';
import { brief, run } from './wire-outcome.ts';

const { open } = wireDatabase();

/** Statements of all kinds, and what each must come to whatever its neighbours do. */
const MIXED: { text: string; params: (string | null)[]; expected: unknown }[] = Array.from({ length: 400 }, (_, index) => {
  const id = String(index + 1);
  switch (index % 8) {
    case 0:
      return {
        text: 'select name from account where id = $1',
        params: [id],
        expected: { rows: [[`name ${id}`]], tag: 'SELECT 1' },
      };
    case 1:
      return { text: 'select 1 / ($1::int - $1::int)', params: [id], expected: '22012' };
    case 2:
      return { text: `select ${index} as own_text`, params: [], expected: { rows: [[String(index)]], tag: 'SELECT 1' } };
    case 3:
      return { text: `select from where ${index}`, params: [], expected: '42601' };
    case 4:
      return { text: 'update account set balance = $1 where id = $2', params: [id, id], expected: { rows: [], tag: 'UPDATE 1' } };
    case 5:
      return { text: 'update account set balance = $1 where id = $2', params: ['-1', id], expected: '23514' };
    case 6:
      return {
        text: 'select g, null, repeat($1, 500) from generate_series(1, 20) g',
        params: ['ž'],
        expected: { rows: 20, tag: 'SELECT 20' },
      };
    default:
      return { text: 'select id from account where id = $1', params: ['not a number'], expected: '22P02' };
  }
});
const runMixed = (backend: Backend): Promise<unknown[]> =>
  Promise.all(
    MIXED.map(async ({ text, params, expected }) => {
      const outcome = await run(backend, text, params);
      const counted =
        typeof expected === 'object' && expected !== null && 'rows' in expected && typeof expected.rows === 'number';
      return counted ? { rows: outcome.rows.length, tag: outcome.tag } : brief(outcome);
    }),
  );

describe('pipelined statements', () => {
  it('each come to their own result: a failure touches no neighbour', async () => {
    const backend = await open({ maxStatements: 20 });
    await expect(runMixed(backend)).resolves.toEqual(MIXED.map(({ expected }) => expected));
    expect(backend).toMatchObject({ inFlight: 0, transactionStatus: 'I', headSince: undefined, state: 'ready' });
  });

  it('come to the same when the network cuts the answers into pieces of any size', async () => {
    let size = 1;
    await using wire = await startWire(testStack().postgres, (bytes, client) => {
      for (let at = 0; at < bytes.length; at += size) {
        size = (size * 7 + 1) % 61;
        size ||= 1;
        client.write(bytes.subarray(at, at + size));
      }
    });
    const backend = await open({ host: wire.host, port: wire.port });
    await expect(runMixed(backend)).resolves.toEqual(MIXED.map(({ expected }) => expected));
  });

  it('are one transaction each', async () => {
    const backend = await open();
    const insert = (id: string, name: string | null) =>
      run(backend, 'insert into account (id, name) values ($1, $2)', [id, name]);
    const [kept, refused, alsoKept] = await Promise.all([insert('5001', 'a'), insert('5002', null), insert('5003', 'b')]);
    expect([brief(kept), brief(refused), brief(alsoKept)]).toEqual([
      { rows: [], tag: 'INSERT 0 1' },
      '23502',
      { rows: [], tag: 'INSERT 0 1' },
    ]);
    expect((await run(backend, 'select id from account where id > 5000 order by id')).rows).toEqual([['5001'], ['5003']]);
    await backend.command('delete from account where id > 5000');
  });

  it('end in an explicit transaction with it: the statements behind a failure fail too', async () => {
    const backend = await open();
    const begun = backend.command('begin');
    const statements = [
      run(backend, "insert into account values (6001, 'x')"),
      run(backend, 'select 1/0'),
      run(backend, 'select 1'),
    ];
    await begun;
    expect((await Promise.all(statements)).map(brief)).toEqual([{ rows: [], tag: 'INSERT 0 1' }, '22012', '25P02']);
    expect(backend.transactionStatus).toBe('E');
    await backend.command('rollback');
    expect(backend.transactionStatus).toBe('I');
    expect((await run(backend, 'select count(*) from account where id = 6001')).rows).toEqual([['0']]);
  });
});

describe('values', () => {
  it('come back as they were sent: text of any characters, bytes, null, and nothing', async () => {
    const backend = await open();
    const texts = [
      '',
      'plain',
      'žluťoučký kůň',
      '🙂'.repeat(30),
      "'; drop table account; --",
      'x'.repeat(100_000),
      '日本'.repeat(5_000),
    ];
    for (const text of texts) expect((await run(backend, 'select $1::text', [text])).rows).toEqual([[text]]);
    const bytes = Buffer.from([0, 1, 254, 255, 0]);
    expect((await run(backend, 'select $1::bytea, $2::text, $3::int', [bytes, null, '7'])).rows).toEqual([
      ['\\x0001feff00', null, '7'],
    ]);
  });

  it('can be large in both directions', async () => {
    const backend = await open();
    const large = Buffer.alloc(20 * 1024 * 1024, 'ab');
    const sums = await run(backend, 'select length($1::bytea), md5($1::bytea) = md5($2::text)', [large, large.toString()]);
    expect(sums.rows).toEqual([[String(large.length), 't']]);
    const [back] = (await run(backend, 'select $1::text', [large.toString()])).rows;
    expect(back?.[0] === large.toString()).toBe(true);
    expect((await run(backend, 'select 1')).tag).toBe('SELECT 1');
  });

  it('that hold a NUL as text are the server’s error, and touch no neighbour', async () => {
    const backend = await open();
    const [nul, next] = await Promise.all([run(backend, 'select $1::text', ['a\0b']), run(backend, 'select $1::text', ['c'])]);
    expect([brief(nul), brief(next)]).toEqual(['22021', { rows: [['c']], tag: 'SELECT 1' }]);
  });

  it('in the wrong number or of the wrong type are the server’s error', async () => {
    const backend = await open();
    const outcomes = await Promise.all([
      run(backend, 'select $1::int', []),
      run(backend, 'select $1::int', ['1', '2']),
      run(backend, 'select $1::int', ['x']),
      run(backend, 'select $1::int', ['3']),
    ]);
    expect(outcomes.map(brief)).toEqual(['08P01', '08P01', '22P02', { rows: [['3']], tag: 'SELECT 1' }]);
  });

  it('of a row that is longer than accepted fail their statement, and are never held', async () => {
    const backend = await open({ maxRowBytes: 100_000 });
    const text = 'select repeat($1, 50000), g from generate_series(1, 3) g';
    const [long, next] = await Promise.all([run(backend, text, ['abc']), run(backend, text, ['a'])]);
    expect([brief(long), next.tag, next.rows.length]).toEqual(['message_too_large', 'SELECT 3', 3]);
  });
});

describe('errors of Postgres', () => {
  it('keep everything that Postgres said', async () => {
    const backend = await open();
    const duplicate = await run(backend, "insert into account values (1, 'again')");
    expect(duplicate.error).toMatchObject({
      code: 'postgres',
      sqlstate: '23505',
      severity: 'ERROR',
      schema: 'public',
      table: 'account',
      constraint: 'account_pkey',
      detail: 'Key (id)=(1) already exists.',
    });
    const typo = await run(backend, 'select namee from account');
    expect(typo.error).toMatchObject({ sqlstate: '42703', position: 8, hint: expect.stringContaining('name') });
  });

  it('that are longer than any that can be kept fail their statement only', async () => {
    const backend = await open();
    const long = "do $$ begin raise exception '%', repeat('x', 3000000); end $$";
    const notice = "do $$ begin raise notice '%', repeat('x', 3000000); end $$";
    const outcomes = await Promise.all([run(backend, long), run(backend, notice), run(backend, 'select 1')]);
    expect(outcomes.map(brief)).toEqual(['message_too_large', { rows: [], tag: 'DO' }, { rows: [['1']], tag: 'SELECT 1' }]);
  });
});

describe('COPY', () => {
  it('to the client is thrown away and fails, alone', async () => {
    const backend = await open();
    const outcomes = await Promise.all([run(backend, 'copy account to stdout'), run(backend, 'select 1')]);
    expect(outcomes.map(brief)).toEqual(['bad_statement', { rows: [['1']], tag: 'SELECT 1' }]);
    await expect(backend.command('copy account to stdout')).rejects.toMatchObject({ code: 'bad_statement' });
    expect(backend.state).toBe('ready');
  });

  it('from the client fails, changes nothing, and its connection is not used again', async () => {
    const before = await open();
    const count = async () => (await run(before, 'select count(*) from account')).rows;
    const rows = await count();
    const backend = await open();
    expect(brief(await run(backend, 'copy account from stdin'))).toBe('bad_statement');
    await expect(backend.closed).resolves.toBeUndefined();
    expect(brief(await run(backend, 'select 1'))).toBe('connection_lost');
    const simple = await open();
    await expect(simple.command('copy account from stdin')).rejects.toMatchObject({ code: 'bad_statement' });
    await expect(simple.closed).resolves.toBeUndefined();
    await expect(count()).resolves.toEqual(rows);
  });

  it('from the client with statements behind it never hands one the result of another', async () => {
    const backend = await open();
    const copy = run(backend, 'copy account from stdin');
    const behind = Array.from({ length: 10 }, (_, index) => run(backend, 'select $1::int', [String(index)]));
    expect(brief(await copy)).toBe('bad_statement');
    for (const outcome of await Promise.all(behind))
      expect(outcome).toMatchObject({ rows: [], error: { code: 'connection_lost' } });
  });
});

describe('prepared statements', () => {
  it('are prepared anew when the table has changed under them, or they were thrown away', async () => {
    const backend = await open();
    await backend.command('create table changing (a int)');
    await backend.command('insert into changing values (1)');
    const read = () => run(backend, 'select * from changing');
    expect((await read()).columns).toEqual(['a']);
    await backend.command('alter table changing add b text');
    const changed = await Promise.all([read(), read(), read()]);
    expect(changed.map(({ columns, rows }) => ({ columns, rows }))).toEqual(
      Array.from({ length: 3 }, () => ({ columns: ['a', 'b'], rows: [['1', null]] })),
    );
    await backend.command('deallocate all');
    expect((await read()).columns).toEqual(['a', 'b']);
    await backend.command('discard all');
    expect((await Promise.all([read(), read()])).map(brief)).toEqual(
      Array.from({ length: 2 }, () => ({ rows: [['1', null]], tag: 'SELECT 1' })),
    );
    await backend.command('drop table changing');
    expect(brief(await read())).toBe('42P01');
  });

  it('are kept in the number allowed, on the server too', async () => {
    const backend = await open({ maxStatements: 5 });
    await Promise.all(Array.from({ length: 40 }, (_, index) => run(backend, `select ${index}`)));
    await run(backend, 'select 41');
    const { rows } = await run(backend, "select count(*) from pg_prepared_statements where name <> ''");
    expect(Number(rows[0]?.[0])).toBeLessThanOrEqual(5);
  });

  it('tell their parameters and columns', async () => {
    const backend = await open();
    const text = 'select id, name as n from account where id = $1 and name = $2';
    expect(backend.knownParameters(text)).toBeUndefined();
    const [described, again] = await Promise.all([backend.describe(text), backend.describe(text)]);
    expect(described).toMatchObject({
      parameterOids: [23, 25],
      fields: [
        { name: 'id', typeOid: 23, column: 1 },
        { name: 'n', typeOid: 25, column: 2 },
      ],
    });
    expect(again.fields).toBe(described.fields);
    expect(backend.knownParameters(text)).toEqual([23, 25]);
    await expect(backend.describe('delete from account where id = $1')).resolves.toEqual({
      parameterOids: [23],
      fields: undefined,
    });
    await expect(backend.describe('selec')).rejects.toMatchObject({ code: 'postgres', sqlstate: '42601', position: 1 });
  });
});
