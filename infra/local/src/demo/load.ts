import { Client } from 'pg';
import type { TenantLogin } from '../tenant-login.ts';
import type { TableRows } from './sample-data.ts';

export interface Holdings {
  clients: number;
  portfolios: number;
  transactions: number;
  /** Value of all portfolios in CHF, as the tenant's own view computes it. */
  value: number;
  /** True when positions and cash are the sums of the transactions, and every row bears the tenant's own id. */
  consistent: boolean;
}

/** Writes the rows in one transaction, through the tenant's own login; rows that are there already stay. Answers how many are new. */
export async function load(login: TenantLogin, tables: readonly TableRows[]): Promise<number> {
  return asTenant(login, async (client) => {
    let added = 0;
    await client.query('begin');
    for (const { table, rows } of tables) {
      const columns = Object.keys(rows[0] ?? {}).join(', ');
      const result = await client.query(
        `insert into ${table} (${columns}) select ${columns} from json_populate_recordset(null::${table}, $1) on conflict do nothing`,
        [JSON.stringify(rows)],
      );
      added += result.rowCount ?? 0;
    }
    await client.query('commit');
    return added;
  });
}

/** What the tenant finds when it reads its own tables. */
export async function readBack(login: TenantLogin): Promise<Holdings> {
  return asTenant(login, async (client) => {
    const { rows } = await client.query<Holdings>(
      `select (select count(*)::int from clients) as clients,
              (select count(*)::int from portfolios) as portfolios,
              (select count(*)::int from transactions) as transactions,
              (select coalesce(sum(total_value), 0)::float8 from portfolio_valuations) as value,
              not exists (select from clients where tenant_id <> $1)
                and not exists (
                  select from (select portfolio_id, instrument_id, sum(quantity) as quantity from transactions
                                where instrument_id is not null group by 1, 2) booked
                    full join holdings using (portfolio_id, instrument_id)
                   where booked.quantity is distinct from holdings.quantity)
                and not exists (
                  select from (select portfolio_id, currency, sum(net_amount) as amount from transactions group by 1, 2) booked
                    full join cash_balances using (portfolio_id, currency)
                   where booked.amount is distinct from cash_balances.amount) as consistent`,
      [login.tenantId],
    );
    const [found] = rows;
    if (found === undefined) throw new Error('a query of aggregates answers one row');
    return found;
  });
}

async function asTenant<T>(login: TenantLogin, work: (client: Client) => Promise<T>): Promise<T> {
  const { host, port, user, password, database } = login;
  const client = new Client({ host, port, user, password, database, application_name: 'demo', connectionTimeoutMillis: 10_000 });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
