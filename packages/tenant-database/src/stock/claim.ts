import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import { type Connection, hasSqlState, runScript } from '../client.ts';
import { searchPathStatement } from '../home/search-path.ts';
import { type Home, homeComment, type NamedHome, namedHome, ROLES } from '../names.ts';
import { namedStockHome, type StockHome, stockTag } from './names.ts';

/**
 * - `claimed`: the home is the tenant's, all of it, by this call or by an earlier one.
 * - `gone`: nothing has the stock home's names any more, and it was not claimed by this request: it was removed.
 * - `occupied`: something has the tenant's names; the stock home is as it was.
 * - `unfit`: it is half made, or made of something else; as it was.
 * - `in_use`: somebody was at it until the timeout; as it was.
 */
export type ClaimOutcome = 'claimed' | 'gone' | 'occupied' | 'unfit' | 'in_use';

export interface ClaimOptions {
  /** How long one statement of the claim may take, waiting included. Default 2 s; an autovacuum worker leaves after 0.1 s. */
  readonly timeoutMs?: number;
}

/** Somebody is in the database; a lock not had in time; a statement over its time. */
const IN_USE = ['55006', '55P03', '57014'] as const;
/** No such database, schema or role: somebody else took or removed it meanwhile. */
const GONE = ['3D000', '3F000', '42704'] as const;

/**
 * Makes a home in stock a tenant's, in one transaction: database or schema and both logins get the tenant's names and the comment
 * of tenant and request. So one that is cut off has changed nothing, or all of it. Run it in database `postgres` for enterprise, in the
 * shared database for standard. The logins stay closed; `openLogin` opens them as it does those of a home made cold.
 *
 * Comments of the schemas in an enterprise database are in that database: `createSchema` there sets them, and is to be called
 * afterwards in any case. `createRoles`, `createDatabase`, `createSchema` and `runMigrations` find nothing else to do.
 * @throws Errors of Postgres pass through: then it is not known whether it was claimed, and the same call again finds out.
 */
export async function claimStockHome(
  connection: Connection,
  home: Home,
  stock: StockHome,
  { timeoutMs = 2000 }: ClaimOptions = {},
): Promise<ClaimOutcome> {
  const [from, to] = [namedStockHome(stock), namedHome({ ...home, tier: stock.tier })];
  const comment = homeComment(home.tenantId, home.requestId);
  const found = await look(connection, from, to);
  if (!found.there) return found.owner === comment ? 'claimed' : 'gone';
  if (found.occupied) return 'occupied';
  if (found.tag !== stockTag(stock.fingerprint)) return 'unfit';
  const timeout = Math.trunc(timeoutMs);
  const quoted = quoteLiteral(comment);
  try {
    await runScript(connection, [
      'begin',
      `set local statement_timeout = ${timeout}`,
      `set local lock_timeout = ${timeout}`,
      ...(stock.tier === 'enterprise' ? takeDatabase(from, to, quoted) : takeSchema(from, to, quoted)),
      'commit',
    ]);
    return 'claimed';
  } catch (error) {
    if (hasSqlState(error, ...IN_USE)) return 'in_use';
    if (hasSqlState(error, ...GONE)) return (await look(connection, from, to)).owner === comment ? 'claimed' : 'gone';
    throw error;
  }
}

interface Found {
  readonly there: boolean;
  readonly occupied: boolean;
  readonly tag: string | null;
  /** The comment of what has the tenant's name. */
  readonly owner: string | null;
}

async function look(connection: Connection, from: NamedHome, to: NamedHome): Promise<Found> {
  const places =
    from.tier === 'enterprise'
      ? `select datname as name, shobj_description(oid, 'pg_database') as comment from pg_database`
      : `select nspname as name, obj_description(oid, 'pg_namespace') as comment from pg_namespace`;
  const place = ({ tier, names }: NamedHome): string => (tier === 'enterprise' ? names.database : names.schema);
  const { rows } = await connection.query<Found>(
    `with place as materialized (select * from (${places}) p where name in ($1, $2)),
          role as materialized (select rolname from pg_roles where rolname = any ($3::name[] || $4::name[]))
     select exists (select from place where name = $1) or exists (select from role where rolname = any ($3::name[])) as there,
            exists (select from place where name = $2) or exists (select from role where rolname = any ($4::name[])) as occupied,
            (select comment from place where name = $1) as tag, (select comment from place where name = $2) as owner`,
    [place(from), place(to), rolesOf(from), rolesOf(to)],
  );
  return rows[0] ?? { there: false, occupied: false, tag: null, owner: null };
}

const rolesOf = ({ names }: NamedHome): string[] => [names.role, names.readonlyRole];

function takeDatabase(from: NamedHome, to: NamedHome, comment: string): string[] {
  const database = quoteIdent(to.names.database);
  return [
    `alter database ${quoteIdent(from.names.database)} rename to ${database}`,
    `comment on database ${database} is ${comment}`,
    ...takeRoles(from, to, comment),
    `alter database ${database} with allow_connections true`,
  ];
}

function takeSchema(from: NamedHome, to: NamedHome, comment: string): string[] {
  const [before, after] = [from.names.schema, to.names.schema].map(quoteLiteral);
  const schema = quoteIdent(to.names.schema);
  return [
    `set local role ${ROLES.owner}`,
    `alter schema ${quoteIdent(from.names.schema)} rename to ${schema}`,
    `comment on schema ${schema} is ${comment}`,
    // The migrations' bookkeeping goes by the schema's name.
    `insert into ultracore.homes (home, created_at) select ${after}, created_at from ultracore.homes where home = ${before}`,
    `update ultracore.migrations set home = ${after} where home = ${before}`,
    `delete from ultracore.homes where home = ${before}`,
    'reset role',
    ...takeRoles(from, to, comment),
    ...rolesOf(to).map((role) => searchPathStatement(to, role)),
  ];
}

const takeRoles = (from: NamedHome, to: NamedHome, comment: string): string[] =>
  [
    [from.names.role, to.names.role],
    [from.names.readonlyRole, to.names.readonlyRole],
  ].flatMap(([before = '', after = '']) => [
    `alter role ${quoteIdent(before)} rename to ${quoteIdent(after)}`,
    `comment on role ${quoteIdent(after)} is ${comment}`,
  ]);
