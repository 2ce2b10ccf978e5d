import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startGatewayRig, type GatewayRig } from '../src/gateway.ts';
import type { Tier } from '../src/homes.ts';

const TIERS: readonly Tier[] = ['enterprise', 'standard', 'small'];

let rig: GatewayRig;
beforeAll(async () => {
  rig = await startGatewayRig(TIERS);
});
afterAll(() => rig?.[Symbol.asyncDispose]());

const insert = (name: string) => ({
  sql: `insert into clients (kind, given_name, family_name) values ('person', $1, 'Sample')`,
  params: [name],
});
const count = (name: string) => ({ sql: 'select count(*) from clients where given_name = $1', params: [name] });

describe.for(TIERS)('a tenant of tier %s', (tier) => {
  test('runs its SQL as itself, and gets columns, rows and their count', async () => {
    const { id, sql } = rig.tenant(tier);
    const { status, text } = await sql.query('select ultracore.current_tenant_id() as tenant, $1::int8 as n', ['42']);
    expect(text).toBe(
      `{"columns":[{"name":"tenant","type":"text","type_oid":25},{"name":"n","type":"int8","type_oid":20}],"rows":[{"tenant":"${id}","n":"42"}],"row_count":1,"command":"SELECT"}`,
    );
    expect(status).toBe(200);
  });

  test('writes, and reads what it wrote', async () => {
    const { id, sql } = rig.tenant(tier);
    const { sql: text, params } = insert('Ada');
    expect((await sql.query(text, params)).body).toEqual({ columns: [], rows: [], row_count: 1, command: 'INSERT' });
    const { body } = await sql.query(`${text} returning tenant_id, given_name`, params, { row_mode: 'array' });
    expect(body).toMatchObject({ rows: [[id, 'Ada']], row_count: 1, command: 'INSERT' });
    expect(await sql.value(count('Ada').sql, ['Ada'])).toBe('2');
  });

  test('only reads when it says so, under a login that cannot do otherwise', async () => {
    const { id, sql } = rig.tenant(tier);
    const who = await sql.query('select session_user as login', [], { readonly: true });
    expect(who.body['rows']).toEqual([{ login: `uc_${id.replaceAll('-', '_')}__ro` }]);
    const { status, body } = await sql.query(insert('Eve').sql, ['Eve'], { readonly: true });
    expect({ status, ...body }).toMatchObject({ status: 403, code: 'sql_error', sqlstate: '42501' });
  });

  test('gets all of a transaction, or nothing and the statement at fault', async () => {
    const { sql } = rig.tenant(tier);
    const done = await sql.transaction([insert('Bob'), count('Bob')], { isolation: 'serializable' });
    expect(done.body).toMatchObject({ results: [{ row_count: 1, command: 'INSERT' }, { rows: [{ count: '1' }] }] });
    const failed = await sql.transaction([insert('Cleo'), { sql: 'select 1 / $1::int', params: [0] }, insert('Cleo')]);
    expect({ status: failed.status, ...failed.body }).toMatchObject({ status: 422, sqlstate: '22012', statement: 1 });
    expect(await sql.value(count('Cleo').sql, ['Cleo'])).toBe('0');
    expect(await sql.value(count('Bob').sql, ['Bob'])).toBe('1');
  });

  test('gets rows as lines, with the columns first and the count last', async () => {
    const lines = await rig.tenant(tier).sql.stream('select n, n::numeric / 2 as half from generate_series(1, $1::int) n', {
      params: [3],
      row_mode: 'array',
    });
    expect(lines).toEqual([
      {
        columns: [
          { name: 'n', type: 'int4', type_oid: 23 },
          { name: 'half', type: 'numeric', type_oid: 1700 },
        ],
      },
      [1, '0.50000000000000000000'],
      [2, '1.00000000000000000000'],
      [3, '1.5000000000000000'],
      { row_count: 3, command: 'SELECT' },
    ]);
  });
});

describe('values', () => {
  test('come as the type rule says', async () => {
    const { body } = await rig.tenant('small').sql.query(`
      select 9007199254740993::int8 as big, 1::int4 as small, 0.1::float8 as f, 'NaN'::float8 as nan, 12.50::numeric as amount,
             true as yes, null::text as nothing, '{"a": [1, null]}'::jsonb as doc, '\\xdeadbeef'::bytea as bytes,
             array[[1, 2], [3, null]] as grid, array['a"b', null, 'NULL'] as words,
             timestamptz '2026-01-01 11:00:00.123+01' as at, timestamp '2026-01-01 10:00:00' as local, date '2026-01-01' as day,
             interval '1 day 2 hours' as span, int4range(1, 5) as range, 'Zoë "quoted" \\ \u2028' as text`);
    expect(body['rows']).toEqual([
      {
        big: '9007199254740993',
        small: 1,
        f: 0.1,
        nan: 'NaN',
        amount: '12.50',
        yes: true,
        nothing: null,
        doc: { a: [1, null] },
        bytes: String.raw`\xdeadbeef`,
        grid: [
          [1, 2],
          [3, null],
        ],
        words: ['a"b', null, 'NULL'],
        at: '2026-01-01T10:00:00.123Z',
        local: '2026-01-01T10:00:00',
        day: '2026-01-01',
        span: 'P1DT2H',
        range: '[1,5)',
        text: 'Zoë "quoted" \\ \u2028',
      },
    ]);
  });

  test('are taken as parameters of every kind, lists as arrays or as JSON as the parameter wants', async () => {
    const { body } = await rig
      .tenant('small')
      .sql.query(
        'select $1::int4 + 1 as n, $2::bool as b, $3::text as t, $4::text is null as isnull, $5::int4[] as list, $6::jsonb as doc, $7::jsonb as object, $8::float8 as f',
        [1, true, 'ä', null, [1, null, 3], [1, 'a', null], { a: 1 }, 0.5],
      );
    expect(body['rows']).toEqual([
      { n: 2, b: true, t: 'ä', isnull: true, list: [1, null, 3], doc: [1, 'a', null], object: { a: 1 }, f: 0.5 },
    ]);
  });

  test('of two columns of one name are told apart only in arrays', async () => {
    const { sql } = rig.tenant('small');
    expect((await sql.query('select 1 as a, 2 as a')).body).toMatchObject({ status: 422, code: 'duplicate_column' });
    expect((await sql.query('select 1 as a, 2 as a', [], { row_mode: 'array' })).body['rows']).toEqual([[1, 2]]);
  });
});

describe('the state of the pools', () => {
  test('is shown for all servers to operators and auditors, and to nobody else', async () => {
    const { platform, gateway } = rig;
    const get = (token: string) =>
      fetch(`${gateway.url}/v1/pools`, { headers: { authorization: `Bearer ${token}` } }).then(async (response) => ({
        status: response.status,
        body: (await response.json()) as Record<string, unknown>,
      }));
    const { body } = await get(platform.tokens.auditor);
    expect(body['servers']).toMatchObject([{ port: platform.stack.postgres?.port, budget: 45 }]);
    expect((await get(platform.tokens.creator)).status).toBe(403);
    expect((await get(await platform.tenantToken({ tenantId: rig.tenant('small').id }))).status).toBe(403);
  });

  test('of one tenant is shown to itself too', async () => {
    const { id, sql } = rig.tenant('standard');
    await sql.query('select 1');
    const { body } = await sql.get(`/v1/pools/${id}`);
    expect(body).toMatchObject({ tenant_id: id, min: 5, max: 20, waiting: 0, roles: { primary: {}, replica: { total: 0 } } });
    expect(Number(body['total'])).toBeGreaterThan(0);
    expect((await sql.get(`/v1/pools/${rig.tenant('small').id}`)).body).toMatchObject({ status: 403, code: 'tenant_mismatch' });
  });
});
