import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGatewayRig, type GatewayClient, type GatewayRig } from '../src/gateway.ts';
import { sessionsOf, untilQuiet } from '../src/sessions.ts';

const MIB = 1024 * 1024;
const MAX_QUEUED = 5;
const FOREVER = 'select pg_sleep(60)';

let rig: GatewayRig;
let sql: GatewayClient;
let id: string;
beforeAll(async () => {
  rig = await startGatewayRig(['small'], {
    GATEWAY_MAX_RESULT_BYTES: String(MIB),
    GATEWAY_MAX_RESULT_ROWS: '5000',
    GATEWAY_MAX_BUFFERED_BYTES: String(2 * MIB),
    GATEWAY_MAX_QUEUED: String(MAX_QUEUED),
  });
  ({ id, sql } = rig.tenant('small'));
});
afterAll(() => rig?.[Symbol.asyncDispose]());

/** The gateway is none the worse: it answers, no request hangs, no connection is stuck. */
async function isUnharmed(): Promise<void> {
  expect(await sql.value('select 42')).toBe(42);
  await untilQuiet(rig.platform.stack, id);
  const stats = await waitFor(
    async () => {
      const { body } = await sql.get(`/v1/pools/${id}`);
      return body['in_use'] === 0 && body['waiting'] === 0 ? body : undefined;
    },
    { what: 'all connections to be given back' },
  );
  expect(Number(stats['total'])).toBeLessThanOrEqual(Number(stats['max']));
}

describe('what cannot be run is answered with a clear problem, and costs nothing', () => {
  const text = (value: string) => JSON.stringify({ sql: value });
  test.each([
    ['broken JSON', '{"sql":"select 1', 400, { code: 'json_invalid', field: 'body' }],
    ['no body', '', 400, { code: 'body_missing' }],
    ['a list', '[1]', 400, { code: 'validation_failed' }],
    ['no statement', '{}', 400, { code: 'validation_failed', field: 'sql' }],
    ['an empty statement', text(''), 400, { code: 'validation_failed', field: 'sql' }],
    ['a field nobody knows', '{"sql":"select 1","tenant":"x"}', 400, { code: 'validation_failed', field: 'tenant' }],
    ['parameters that are no list', '{"sql":"select 1","params":{"a":1}}', 400, { code: 'validation_failed', field: 'params' }],
    ['half a surrogate pair', '{"sql":"select \'\\ud800\'"}', 400, { code: 'validation_failed', field: 'sql' }],
    ['a NUL in the statement', text("select 'a\0b'"), 403, { code: 'statement_refused', rule: 'nul_character' }],
    ['a comment alone', text('-- nothing'), 403, { code: 'statement_refused' }],
    ['two statements', text('select 1; drop table clients'), 403, { code: 'statement_refused', rule: 'multiple_statements' }],
    ['broken SQL', text('selec 1'), 422, { code: 'sql_error', sqlstate: '42601', position: 1 }],
    ['a column that is not there', text('select nope'), 422, { code: 'sql_error', sqlstate: '42703', position: 8 }],
    [
      'a NUL in a parameter',
      '{"sql":"select $1::text","params":["a\\u0000b"]}',
      400,
      { code: 'parameter_invalid', field: 'params[0]' },
    ],
    [
      'a number that JSON cannot carry',
      '{"sql":"select $1::numeric","params":[12345678901234567890]}',
      400,
      { code: 'parameter_invalid' },
    ],
    ['too few parameters', text('select $1::int + $2::int'), 422, { code: 'sql_error', sqlstate: '08P01' }],
    ['too many parameters', '{"sql":"select 1","params":[1]}', 422, { code: 'sql_error', sqlstate: '08P01' }],
    ['a parameter of another type', '{"sql":"select $1::int","params":["x"]}', 422, { code: 'sql_error', sqlstate: '22P02' }],
    [
      'a longer time than may be had',
      '{"sql":"select 1","timeout_ms":86400000}',
      400,
      { code: 'validation_failed', field: 'timeout_ms' },
    ],
    ['a statement of a megabyte and more', text(`select '${'x'.repeat(1.1 * MIB)}'`), 403, { rule: 'text_too_long' }],
    ['a statement that nests very deep', text(`select ${'('.repeat(50_000)}1${')'.repeat(50_000)}`), 422, { code: 'sql_error' }],
  ])('%s', async (_what, body, status, problem) => {
    const answer = await sql.send('/v1/query', body);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect({ ...answer.body, status: answer.status }).toMatchObject({ status, ...problem });
    expect(answer.text.length).toBeLessThan(2_000);
    await isUnharmed();
  });

  test('a body of 100 MB', async () => {
    const answer = await sql.send('/v1/query', JSON.stringify({ sql: `select '${'x'.repeat(100_000_000)}'` }));
    expect({ status: answer.status, code: answer.body['code'] }).toEqual({ status: 413, code: 'body_too_large' });
    await isUnharmed();
  });

  test('what one statement of a transaction is guilty of names that statement', async () => {
    const refused = await sql.transaction([{ sql: 'select 1' }, { sql: 'commit' }]);
    expect({ ...refused.body, status: refused.status }).toMatchObject({ status: 403, code: 'statement_refused', statement: 1 });
    const unbound = await sql.transaction([{ sql: 'select $1::text', params: ['a\0'] }]);
    expect(unbound.body).toMatchObject({ code: 'parameter_invalid', statement: 0 });
    await isUnharmed();
  });
});

describe('a result', () => {
  test('with more rows or bytes than may be gathered is refused, never cut off', async () => {
    const rows = await sql.query('select generate_series(1, 5001) as n');
    expect({ status: rows.status, code: rows.body['code'] }).toEqual({ status: 422, code: 'result_too_large' });
    const asked = await sql.query('select generate_series(1, 11) as n', [], { max_rows: 10 });
    expect(asked.body['code']).toBe('result_too_large');
    const bytes = await sql.query(`select repeat('x', 2000) as long from generate_series(1, 1000)`);
    expect(bytes.body['code']).toBe('result_too_large');
    const row = await sql.query(`select repeat('x', 2000000) as long`);
    expect({ status: row.status, code: row.body['code'] }).toEqual({ status: 422, code: 'value_too_large' });
    await isUnharmed();
  });

  test('of a change that was made is said to be missing, not that nothing was done', async () => {
    const { status, body } = await sql.query(
      `insert into clients (kind, given_name, family_name) select 'person', 'Many', n::text from generate_series(1, 3) n returning *`,
      [],
      { max_rows: 2 },
    );
    const made = await sql.value(`select count(*)::int from clients where given_name = 'Many'`);
    expect({ status, code: body['code'], made }).toEqual({ status: 422, code: 'result_discarded', made: 3 });
  });

  test('shares the memory of the gateway with all others', async () => {
    const answers = await Promise.all(
      // As many as may wait behind one.
      Array.from({ length: MAX_QUEUED + 1 }, () => sql.query(`select repeat('x', 100000) as long from generate_series(1, 9)`)),
    );
    for (const { status, body, headers } of answers) {
      if (status === 200) continue;
      expect({ status, code: body['code'], retry: headers.get('retry-after') }).toEqual({
        status: 503,
        code: 'gateway_busy',
        retry: '1',
      });
    }
    expect(answers.some(({ status }) => status === 200)).toBe(true);
    await isUnharmed();
    const metrics = await (await fetch(`${rig.gateway.url}/metrics`)).text();
    expect(metrics).toContain('pool_gateway_buffered_bytes 0');
  });
});

describe('a statement that takes too long', () => {
  test('is cancelled at its time, alone and in a transaction, and its connection is not lost to the others', async () => {
    const alone = await sql.query(FOREVER, [], { timeout_ms: 300 });
    expect({ status: alone.status, code: alone.body['code'] }).toEqual({ status: 504, code: 'statement_timeout' });
    const together = await sql.transaction([{ sql: 'select 1' }, { sql: FOREVER }], { timeout_ms: 300 });
    expect({ status: together.status, ...together.body }).toMatchObject({ status: 504, code: 'statement_timeout', statement: 1 });
    await isUnharmed();
  });

  test('cannot lift its limit', async () => {
    const { status } = await sql.transaction([{ sql: 'set local statement_timeout = 0' }, { sql: FOREVER }], { timeout_ms: 300 });
    expect(status).toBe(403);
    const inside = await sql.query(`select set_config('statement_timeout', '0', true), pg_sleep(60)`, [], { timeout_ms: 300 });
    expect([403, 504]).toContain(inside.status);
    await isUnharmed();
  });

  test('ends when its caller has gone', async () => {
    const gone = new AbortController();
    const asked = sql.query(FOREVER, [], {}, { signal: gone.signal }).catch(() => 'gone');
    await waitFor(
      async () => (await sessionsOf(rig.platform.stack, id)).some(({ query, state }) => query === FOREVER && state === 'active'),
      {
        what: 'the statement to run',
      },
    );
    gone.abort();
    expect(await asked).toBe('gone');
    await isUnharmed();
  });
});

test('what is too much at one time is told to wait, and how long', async () => {
  const gone = new AbortController();
  const many = Array.from({ length: 40 }, () => sql.query(FOREVER, [], {}, { signal: gone.signal }).catch(() => undefined));
  const refused = await Promise.race(many);
  expect({ status: refused?.status, code: refused?.body['code'], retry: refused?.headers.get('retry-after') }).toEqual({
    status: 429,
    code: 'queue_full',
    retry: '1',
  });
  gone.abort();
  await Promise.all(many);
  await isUnharmed();
});

describe('a stream', () => {
  const ENDLESS = `select generate_series(1, 1000000000) as n, repeat('x', 1000) as filler`;

  test('is sent as fast as it is read: Postgres waits for a caller who does not', async () => {
    const gone = new AbortController();
    const response = await sql.open(ENDLESS, { timeout_ms: 60_000 }, { signal: gone.signal });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    await waitFor(
      async () =>
        (await sessionsOf(rig.platform.stack, id)).some(
          ({ waitsFor, state }) => state === 'active' && waitsFor === 'ClientWrite',
        ),
      { what: 'Postgres to be held up', deadlineMs: 30_000 },
    );
    expect(await sql.value('select 42')).toBe(42);
    gone.abort();
    await isUnharmed();
  });

  test('whose caller goes away in the middle is ended', async () => {
    const gone = new AbortController();
    const response = await sql.open(ENDLESS, {}, { signal: gone.signal });
    expect((await response.body?.getReader().read())?.done).toBe(false);
    gone.abort();
    await isUnharmed();
  });

  test('is not bound by what may be gathered', async () => {
    const lines = await sql.stream('select generate_series(1, 20000) as n');
    expect(lines).toHaveLength(20_002);
    expect(lines.at(-2)).toEqual({ n: 20_000 });
    expect(lines.at(-1)).toEqual({ row_count: 20_000, command: 'SELECT' });
  });

  test('that fails in the middle says so in its last line; one that fails at once is a problem', async () => {
    const lines = await sql.stream('select 1 / (50 - n) as q from generate_series(1, 100) n', { row_mode: 'array' });
    expect(lines.at(-1)).toMatchObject({ error: { code: 'sql_error', sqlstate: '22012', status: 422 } });
    const late = await sql.stream(`select n, pg_sleep(0.05) from generate_series(1, 1000) n`, { timeout_ms: 500 });
    expect(late.at(-1)).toMatchObject({ error: { code: 'statement_timeout', status: 504 } });
    const response = await sql.open('select nope');
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ code: 'sql_error', sqlstate: '42703' });
    await isUnharmed();
  });

  test('of a statement without rows is two lines', async () => {
    expect(await sql.stream(`delete from clients where given_name = 'nobody'`)).toEqual([
      { columns: [] },
      { row_count: 0, command: 'DELETE' },
    ]);
  });
});
