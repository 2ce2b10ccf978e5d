import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import { type Connection, hasSqlState, runScript } from '../client.ts';
import { TenantDatabaseError } from '../errors.ts';
import { type Home, homeComment, type NamedHome, namedHome, OWN_SCHEMA, ROLES } from '../names.ts';
import { STOCK_COMMENT } from '../stock/names.ts';
import { assertOurs, type Made } from './roles.ts';

/**
 * Makes the schema that the migrations of a home fill, with the rights its logins will have on every table in it, in one
 * transaction with its comment. Standard: run it in the shared database. Enterprise: in the tenant's own, where the schema
 * `own` comes with it. The small tier shares a schema; there is nothing to make. The roles must exist; safe to repeat.
 * @throws TenantDatabaseError `foreign_object`; `not_prepared` without the roles.
 */
export async function createSchema(connection: Connection, home: Home): Promise<Made> {
  if (home.tier === 'small') return 'adopted';
  const named = namedHome(home);
  const { schema } = named.names;
  const comment = homeComment(home.tenantId, home.requestId);
  const { rows } = await connection.query<{ comment: string | null; database: string | null }>(
    `select obj_description(n.oid, 'pg_namespace') as comment, shobj_description(d.oid, 'pg_database') as database
       from pg_namespace n join pg_database d on datname = current_database() where nspname = $1`,
    [schema],
  );
  const [existing] = rows;
  if (existing !== undefined) {
    if (existing.comment === STOCK_COMMENT && existing.database === comment) return takeSchemas(connection, named, comment);
    assertOurs('Schema', schema, existing.comment, comment);
    return 'adopted';
  }
  try {
    await runScript(connection, ['begin', ...schemaStatements(named, comment), 'commit']);
  } catch (error) {
    if (!hasSqlState(error, '42704')) throw error;
    throw new TenantDatabaseError('not_prepared', `The roles of ${home.tenantId} do not exist yet.`, { cause: error });
  }
  return 'created';
}

/** The database was in stock and is this home's by now, as its own comment says: its schemas are told so. */
async function takeSchemas(connection: Connection, { names }: NamedHome, comment: string): Promise<Made> {
  const said = quoteLiteral(comment);
  await runScript(connection, [
    `comment on schema ${quoteIdent(names.schema)} is ${said}`,
    `comment on schema ${OWN_SCHEMA} is ${said}`,
  ]);
  return 'adopted';
}

/** Makes the schemas of a home, to run in a transaction. Sets the role; an enterprise home's are the last of it that need the owner's. */
export const schemaStatements = (home: NamedHome, comment: string): string[] => [
  `set local role ${ROLES.owner}`,
  ...migratedSchema(home, comment),
  ...(home.tier === 'enterprise' ? ownSchema(home, comment) : []),
];

/** Default privileges, so that a migration which adds a table needs no grant of its own. No CREATE: what is here is ours. */
function migratedSchema(home: NamedHome, comment: string): string[] {
  const schema = quoteIdent(home.names.schema);
  return [`create schema ${schema}`, `comment on schema ${schema} is ${quoteLiteral(comment)}`, ...migratedRights(home)];
}

/**
 * What the logins of a home may do with the tables of its migrations, those that are there and those to come; to run as
 * `ultracore_owner`. A tenant can throw the default privileges away (DROP OWNED BY its own role), and would not see what later migrations
 * make: each migration gives its logins all of them again.
 */
export function migratedRights({ names }: NamedHome): string[] {
  const [schema, role, readonlyRole] = [names.schema, names.role, names.readonlyRole].map(quoteIdent);
  return [
    `grant usage on schema ${schema} to ${role}, ${readonlyRole}`,
    `grant select, insert, update, delete on all tables in schema ${schema} to ${role}`,
    `grant select on all tables in schema ${schema} to ${readonlyRole}`,
    `alter default privileges in schema ${schema} grant select, insert, update, delete on tables to ${role}`,
    `alter default privileges in schema ${schema} grant select on tables to ${readonlyRole}`,
  ];
}

/**
 * Whether the logins have all that `migratedRights` gives, as one row with `granted`. To give it again costs a new row of the catalog for
 * each table. Tables are found by pg_depend, which has an index for it: pg_class would be read whole, with the homes of everybody.
 */
export function migratedRightsLook({ names }: NamedHome): string {
  const [schema, role, readonlyRole] = [names.schema, names.role, names.readonlyRole].map((name) =>
    quoteLiteral(quoteIdent(name)),
  );
  const has = (acl: string, login: string | undefined, rights: string): string =>
    `coalesce(${acl} @> makeaclitem(${login}::regrole, '${ROLES.owner}'::regrole, '${rights}', false), false)`;
  const both = (acl: string, rights: string, readonlyRights: string): string =>
    `${has(acl, role, rights)} and ${has(acl, readonlyRole, readonlyRights)}`;
  const onTables = (acl: string): string => both(acl, 'SELECT, INSERT, UPDATE, DELETE', 'SELECT');
  return `select exists (select from pg_namespace n where n.oid = to_regnamespace(${schema}) and ${both('n.nspacl', 'USAGE', 'USAGE')})
      and exists (select from pg_default_acl d where d.defaclnamespace = to_regnamespace(${schema}) and d.defaclobjtype = 'r'
                  and d.defaclrole = '${ROLES.owner}'::regrole and ${onTables('d.defaclacl')})
      and not exists (select from pg_depend d join pg_class c on c.oid = d.objid
                      where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_namespace'::regclass
                        and d.refobjid = to_regnamespace(${schema}) and c.relkind in ('r', 'v', 'm', 'f', 'p')
                        and not (${onTables('c.relacl')})) as granted`;
}

/**
 * Where an enterprise tenant keeps tables, views and functions of its own. The schema stays ours, so that it cannot be renamed
 * or dropped; what the tenant makes in it is shown to its read-only login. The admin needs the tenant role's rights for that one
 * statement, and gives them back.
 */
function ownSchema({ names }: NamedHome, comment: string): string[] {
  const [role, readonlyRole] = [names.role, names.readonlyRole].map(quoteIdent);
  return [
    `create schema ${OWN_SCHEMA}`,
    `comment on schema ${OWN_SCHEMA} is ${quoteLiteral(comment)}`,
    `grant usage, create on schema ${OWN_SCHEMA} to ${role}`,
    `grant usage on schema ${OWN_SCHEMA} to ${readonlyRole}`,
    'reset role',
    `grant ${role} to ${ROLES.admin} with inherit true, set false`,
    `alter default privileges for role ${role} in schema ${OWN_SCHEMA} grant select on tables to ${readonlyRole}`,
    `revoke ${role} from ${ROLES.admin} granted by ${ROLES.admin}`,
  ];
}
