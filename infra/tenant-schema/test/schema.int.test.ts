import { randomInt, randomUUID } from 'node:crypto';
import { generatePassword, scramVerifier } from '@ultracore/credentials';
import {
  bootstrapServer,
  homeNames,
  loadMigrations,
  superuserConnect,
  verifyServer,
  withConnection,
} from '@ultracore/tenant-database';
import { makeHome } from '@ultracore/tenant-database/testing';
import { type PrivatePostgres, startPrivatePostgres } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MIGRATIONS_DIRECTORY } from '../src/index.ts';
import { CATALOG_RULES } from './catalog-rules.ts';

const TIERS = ['enterprise', 'standard', 'small'] as const;
const LIMITS = { connectionLimit: 5, statementTimeoutMs: 30_000, idleInTransactionTimeoutMs: 30_000, tempFileLimitMb: 64 };

let server: PrivatePostgres;
const homes = new Map<string, { client: Client; tenantId: string; schema: string; database: string }>();

const superuser = (database: string) => superuserConnect(server.url())(database);

async function connectAs(user: string, password: string, database: string): Promise<Client> {
  const client = new Client({ host: server.host, port: server.port, user, password, database });
  await client.connect();
  return client;
}

async function makeHomeOf(tier: (typeof TIERS)[number], adminPassword: string): Promise<void> {
  const home = { tenantId: `${tier}-firm`, tier, requestId: randomUUID() };
  const names = homeNames(home.tenantId, tier);
  const password = generatePassword();
  const verifiers = { readWrite: scramVerifier(password), readOnly: scramVerifier(password) };
  const migrations = await loadMigrations(MIGRATIONS_DIRECTORY);
  const connect = (database: string) => connectAs('ultracore_admin', adminPassword, database);
  await makeHome(connect, home, { migrations, limits: LIMITS, verifiers });
  const client = await connectAs(names.role, password, names.database);
  homes.set(tier, { client, tenantId: home.tenantId, schema: names.schema, database: names.database });
}

beforeAll(async () => {
  server = await startPrivatePostgres();
  const adminPassword = generatePassword();
  await bootstrapServer(server.url(), { adminPassword });
  for (const tier of TIERS) await makeHomeOf(tier, adminPassword);
});
afterAll(async () => {
  for (const { client } of homes.values()) await client.end();
  await server.stop();
});

function homeOf(tier: string) {
  const home = homes.get(tier);
  if (home === undefined) throw new Error(`no home of tier ${tier}`);
  return home;
}

const INSERT = {
  client: `insert into clients (kind, family_name, given_name, status, kyc_status, kyc_approved_on, kyc_review_due_on)
    values ('person', 'Muster', 'Anna', 'active', 'approved', current_date - 400, current_date + 5) returning id`,
  account: `insert into accounts (account_number, name, kind, currency) values ('LI21088100002324013AA', 'Main', 'custody', 'CHF') returning id`,
  instrument: (name: string, isin: string, currency: string, unit: string) =>
    `insert into instruments (kind, name, isin, currency, price_unit) values ('${unit === 'per_unit' ? 'equity' : 'bond'}', '${name}', '${isin}', '${currency}', '${unit}') returning id`,
};

async function idOf(client: Client, sql: string): Promise<string> {
  const { rows } = await client.query<{ id: string }>(sql);
  return rows[0]?.id ?? '';
}

describe('the server with these migrations', () => {
  it('is fit: every table of the small tier is held by row security', async () => {
    expect(await verifyServer(superuser)).toEqual([]);
  });
});

describe.each(TIERS)('the schema in a home of tier %s', (tier) => {
  it('answers the questions of the business: valuation, open orders, reviews, cases', async () => {
    const { client, tenantId } = homeOf(tier);
    const person = await idOf(client, INSERT.client);
    const account = await idOf(client, INSERT.account);
    await client.query(`insert into account_holders (account_id, client_id) values ($1, $2)`, [account, person]);
    const portfolio = await idOf(
      client,
      `insert into portfolios (account_id, name, mandate, base_currency) values ('${account}', 'Growth', 'discretionary', 'CHF') returning id`,
    );
    const share = await idOf(client, INSERT.instrument('Apple', 'US0378331005', 'USD', 'per_unit'));
    const bond = await idOf(client, INSERT.instrument('Confederation 1.5%', 'CH0224397213', 'CHF', 'percent_of_nominal'));
    const unpriced = await idOf(client, INSERT.instrument('Siemens', 'DE0007236101', 'EUR', 'per_unit'));
    await client.query(`insert into prices (instrument_id, price_date, price, currency) values
      ('${share}', current_date - 1, 100, 'USD'), ('${share}', current_date, 200, 'USD'), ('${bond}', current_date, 98.5, 'CHF')`);
    await client.query(
      `insert into fx_rates (base_currency, quote_currency, rate_date, rate) values ('CHF', 'USD', current_date, 1.25)`,
    );
    await client.query(`insert into holdings (portfolio_id, instrument_id, quantity) values
      ('${portfolio}', '${share}', 10), ('${portfolio}', '${bond}', 50000), ('${portfolio}', '${unpriced}', 3)`);
    await client.query(
      `insert into cash_balances (portfolio_id, currency, amount) values ('${portfolio}', 'CHF', 1000), ('${portfolio}', 'USD', 125)`,
    );
    const { rows: valuations } = await client.query(
      `select tenant_id, securities_value::float, cash_value::float, total_value::float, unvalued_positions::int from portfolio_valuations`,
    );
    expect(valuations).toEqual([
      { tenant_id: tenantId, securities_value: 1600 + 49_250, cash_value: 1100, total_value: 51_950, unvalued_positions: 1 },
    ]);
    const order = await idOf(
      client,
      `insert into orders (portfolio_id, instrument_id, side, order_type, limit_price, quantity, currency, status, placed_at)
         values ('${portfolio}', '${share}', 'buy', 'limit', 190, 5, 'USD', 'placed', now()) returning id`,
    );
    expect((await client.query('select open_quantity::float, instrument_name from open_orders')).rows).toEqual([
      { open_quantity: 5, instrument_name: 'Apple' },
    ]);
    await client.query(`update orders set status = 'filled', filled_quantity = 5, completed_at = now() where id = $1`, [order]);
    expect((await client.query('select from open_orders')).rowCount).toBe(0);
    await client.query(`insert into transactions (portfolio_id, instrument_id, order_id, kind, quantity, price, gross_amount, fee_amount, currency, trade_date)
      values ('${portfolio}', '${share}', '${order}', 'buy', 5, 189.5, -947.50, 12.35, 'USD', current_date)`);
    expect((await client.query('select net_amount from transactions')).rows).toEqual([{ net_amount: '-959.8500' }]);
    await client.query(`insert into compliance_cases (case_number, kind, severity, client_id, title, due_at)
      values ('2026-1', 'kyc_review', 'high', '${person}', 'Renew the file', now() - interval '1 day')`);
    expect((await client.query('select client_name, overdue from open_compliance_cases')).rows).toEqual([
      { client_name: 'Anna Muster', overdue: true },
    ]);
    expect((await client.query('select client_name from clients_due_for_review')).rows).toEqual([{ client_name: 'Anna Muster' }]);
    await client.query(
      `insert into reports (kind, portfolio_id, period_start, period_end) values ('portfolio_statement', '${portfolio}', '2026-01-01', '2026-03-31')`,
    );
    const { rows: touched } = await client.query<{ moved: boolean }>(
      `update clients set phone = '+41446681800' returning updated_at > created_at as moved`,
    );
    expect(touched).toEqual([{ moved: true }]);
  });

  const wrong: [string, string][] = [
    [
      'an ISIN with a wrong check digit',
      `insert into instruments (kind, name, isin, currency) values ('equity', 'x', 'US0378331006', 'USD')`,
    ],
    [
      'a LEI with wrong check digits',
      `insert into clients (kind, legal_name, lei) values ('organisation', 'x', '529900T8BM49AURSDO56')`,
    ],
    [
      'a currency that is none',
      `insert into accounts (account_number, name, kind, currency) values ('ABC1', 'x', 'cash', 'chf')`,
    ],
    ['a person without a family name', `insert into clients (kind, given_name) values ('person', 'x')`],
    [
      'an organisation with a birthday',
      `insert into clients (kind, legal_name, date_of_birth) values ('organisation', 'x', '1990-01-01')`,
    ],
    ['an active client nobody knows', `insert into clients (kind, family_name, status) values ('person', 'x', 'active')`],
    ['an unknown status', `insert into clients (kind, family_name, status) values ('person', 'x', 'vip')`],
    [
      'a closed account without its day',
      `insert into accounts (account_number, name, kind, currency, status) values ('ABC2', 'x', 'cash', 'CHF', 'closed')`,
    ],
    ['a case about nothing', `insert into compliance_cases (case_number, kind, title) values ('1', 'complaint', 'x')`],
    [
      'a report that is ready and nowhere',
      `insert into reports (kind, period_start, period_end, status) values ('tax', '2026-01-01', '2026-12-31', 'ready')`,
    ],
    [
      'a rate between a currency and itself',
      `insert into fx_rates (base_currency, quote_currency, rate_date, rate) values ('CHF', 'CHF', current_date, 1)`,
    ],
    ['a mail address that is none', `insert into clients (kind, family_name, email) values ('person', 'x', 'x at y')`],
  ];
  it.each(wrong)('refuses %s', async (_name, sql) => {
    await expect(homeOf(tier).client.query(sql)).rejects.toMatchObject({ code: '23514' });
  });

  it('refuses an order that cannot be: a limit without a price, more filled than asked, approved by who asked', async () => {
    const { client } = homeOf(tier);
    const { rows } = await client.query<{ p: string; i: string }>(
      'select p.id as p, i.id as i from portfolios p cross join instruments i limit 1',
    );
    const columns = 'portfolio_id, instrument_id, side, quantity, currency';
    const values = `'${rows[0]?.p}', '${rows[0]?.i}', 'sell', 10, 'USD'`;
    for (const [more, value] of [
      ['order_type', `'limit'`],
      ['filled_quantity', '11'],
      ['approved_by', 'session_user'],
      ['status', `'placed'`],
    ]) {
      await expect(client.query(`insert into orders (${columns}, ${more}) values (${values}, ${value})`)).rejects.toMatchObject({
        code: '23514',
      });
    }
  });
});

describe('check digits', () => {
  it('agree with identifiers of the real world', async () => {
    const { client } = homeOf('small');
    const isins = [
      'US0378331005',
      'AU0000XVGZA3',
      'GB0002634946',
      'CH0038863350',

      'DE000BAY0017',
      'US5949181045',
    ];
    const leis = ['529900T8BM49AURSDO55', '5493001KJTIIGC8Y1R12', 'HWUPKR0MPOU8FGXBT394', '549300DTUYXVMJXZNY75'];
    for (const isin of isins) {
      const wrong = isin.slice(0, -1) + ((Number(isin.at(-1)) + 1) % 10);
      const { rows } = await client.query('select is_isin($1) as right, is_isin($2) as wrong, is_isin(lower($1)) as lower', [
        isin,
        wrong,
      ]);
      expect([isin, rows[0]]).toEqual([isin, { right: true, wrong: false, lower: false }]);
    }
    for (const lei of leis) {
      const { rows } = await client.query(
        'select is_lei($1) as right, is_lei(reverse($1)) as wrong, is_lei($1 || $2) as longer',
        [lei, '1'],
      );
      expect([lei, rows[0]]).toEqual([lei, { right: true, wrong: false, longer: false }]);
    }
  });

  it('agree with another computation of them for any code', async () => {
    const { client } = homeOf('small');
    const pick = (alphabet: string, length: number) =>
      Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
    const digits = (text: string) => Array.from(text, (symbol) => Number.parseInt(symbol, 36).toString()).join('');
    const luhn = (body: string): number => {
      const sum = Array.from(digits(body))
        .reverse()
        .reduce((total, digit, place) => {
          const value = Number(digit) * (place % 2 === 0 ? 2 : 1);
          return total + (value > 9 ? value - 9 : value);
        }, 0);
      return (10 - (sum % 10)) % 10;
    };
    const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
    const isinBodies = Array.from({ length: 300 }, () => pick(letters, 2) + pick(`${letters}0123456789`, 9));
    const leiBodies = Array.from({ length: 300 }, () => pick(`${letters}0123456789`, 18));
    const isins = isinBodies.map((body) => body + luhn(body));
    const leis = leiBodies.map((body) => body + String(98n - (BigInt(`${digits(body)}00`) % 97n)).padStart(2, '0'));
    const { rows } = await client.query(
      `select (select count(*)::int from unnest($1::text[]) c where is_isin(c)) as isins, (select count(*)::int from unnest($2::text[]) c where is_lei(c)) as leis,
              (select count(*)::int from unnest($1::text[]) c where is_isin(left(c, 11) || (right(c, 1)::int + 1) % 10)) as wrong`,
      [isins, leis],
    );
    expect(rows).toEqual([{ isins: 300, leis: 300, wrong: 0 }]);
  });
});

describe('the catalog of a home', () => {
  const catalog = async (sql: string) => {
    const { schema, database } = homeOf('standard');
    const { rows } = await withConnection(superuser, database, (c) =>
      c.query<{ fault: string }>(sql.replaceAll(':home', `'${schema}'::regnamespace`)),
    );
    return rows.map(({ fault }) => fault);
  };

  it.each(CATALOG_RULES)('keeps the rule: %s', async (_name, sql) => {
    expect(await catalog(sql)).toEqual([]);
  });

  it('holds no name of its schema: a renamed home works on', async () => {
    const { client, schema, database } = homeOf('standard');
    await withConnection(superuser, database, async (connection) => {
      await connection.query(`alter schema ${schema} rename to tenant_renamed`);
      await client.query('set search_path = tenant_renamed, pg_temp');
      expect((await client.query('select from portfolio_valuations')).rowCount).toBe(1);
      await client.query(`update clients set phone = '+41446681801'`);
      await expect(
        client.query(`insert into instruments (kind, name, isin, currency) values ('equity', 'x', 'US0378331006', 'USD')`),
      ).rejects.toMatchObject({ code: '23514' });
      await connection.query(`alter schema tenant_renamed rename to ${schema}`);
      await client.query('reset search_path');
    });
  });
});

describe('the question of a tenant among many', () => {
  it('is answered from the index that is there for it, with the tenant computed once', async () => {
    const { client } = homeOf('small');
    await client.query(`
      insert into portfolios (account_id, name, mandate, base_currency) select a.id, 'P' || n, 'advisory', 'CHF' from accounts a, generate_series(1, 40) n;
      insert into transactions (portfolio_id, kind, gross_amount, currency, trade_date)
        select p.id, 'fee', -n, 'CHF', current_date - n from portfolios p, generate_series(1, 100) n`);
    await withConnection(superuser, 'ultracore_shared', (c) => c.query('analyze app.transactions'));
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `explain select * from transactions where portfolio_id = '${randomUUID()}' and trade_date > current_date - 30`,
    );
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
    expect(plan).toMatch(/Index.* transactions_by_portfolio [\s\S]*tenant_id = (?:\(InitPlan 1\)|\$0)/);
  });
});
