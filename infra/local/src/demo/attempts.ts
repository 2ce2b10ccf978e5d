import { Client, DatabaseError } from 'pg';
import type { TenantLogin } from '../tenant-login.ts';

export interface Attempt {
  from: string;
  to: string;
  what: string;
  /** True when the other firm's data stayed out of reach. */
  refused: boolean;
  answer: string;
}

/** Where small tenants' tables are; it and the schema of an enterprise tenant have one name, in different databases. */
const TABLE = 'clients';

/**
 * Three real attempts of one firm, with its own login, to get at another's data: to enter where it lives, to read its rows, and to
 * become its role. None may succeed; an empty answer where row-level security hides the rows counts as refused.
 */
export async function attemptsOn(from: TenantLogin, to: TenantLogin): Promise<Attempt[]> {
  const attempt = async (what: string, sql: string, database: string): Promise<Attempt> => {
    const { refused, answer } = await tryIt({ ...from, database }, sql);
    return { from: from.tenantId, to: to.tenantId, what, refused, answer };
  };
  const schema = to.schema ?? 'app';
  const enter =
    from.database === to.database
      ? attempt(`create a table in its schema ${schema}`, `create table ${schema}.intruder (id int)`, from.database)
      : attempt(`connect to its database ${to.database}`, 'select count(*)::int as found from pg_database', to.database);
  const read = `select count(*)::int as found from ${schema}.${TABLE} where tenant_id = '${to.tenantId}'`;
  return [
    await enter,
    await attempt(`select its rows from ${schema}.${TABLE}`, read, from.database),
    await attempt(`set role ${to.user}`, `set role ${to.user}`, from.database),
  ];
}

async function tryIt(
  login: Pick<TenantLogin, 'host' | 'port' | 'user' | 'password' | 'database'>,
  sql: string,
): Promise<{ refused: boolean; answer: string }> {
  const { host, port, user, password, database } = login;
  const client = new Client({ host, port, user, password, database, application_name: 'demo', connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ found?: number }>(sql);
    const found = rows[0]?.found;
    return found === 0
      ? { refused: true, answer: 'no row is visible' }
      : { refused: false, answer: found === undefined ? 'it worked' : `${found} rows` };
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    return { refused: isRefusal(error.code), answer: error.message };
  } finally {
    await client.end().catch(() => {});
  }
}

const INSUFFICIENT_PRIVILEGE = '42501';
/** What a name that one may not even resolve is answered with: the other's schema is in another database. */
const NOT_THERE = ['42P01', '3F000'];

function isRefusal(code: string | undefined): boolean {
  return code === INSUFFICIENT_PRIVILEGE || NOT_THERE.includes(code ?? '');
}
