import type { Connection } from '../client.ts';
import {
  type Home,
  homeComment,
  homeNames,
  namedHome,
  parseHomeComment,
  ROLES,
  SHARED_DATABASE,
  TEMPLATE_DATABASE,
} from '../names.ts';
import { searchPathSetting } from './search-path.ts';

/** One login as the server has it. `ours`: it carries this home's comment. */
export interface InspectedRole {
  readonly exists: boolean;
  readonly ours: boolean;
  readonly canLogin: boolean;
  /** −1: none set. */
  readonly connectionLimit: number;
  /** Settings of the role itself, e.g. `statement_timeout=30000`. */
  readonly settings: readonly string[];
  /**
   * How its settings in the home's database, which beat those of the role, differ from the home's search_path alone: those that
   * a tenant added, and the search_path as it must be when that is gone. Empty = as made.
   */
  readonly strays: readonly string[];
}

/** What exists of a home. `database` and `schema` are undefined where the tier has none of its own, or (schema) in another database. */
export interface InspectedHome {
  readonly role: InspectedRole;
  readonly readonlyRole: InspectedRole;
  readonly database: { readonly exists: boolean; readonly ours: boolean; readonly open: boolean } | undefined;
  readonly schema: { readonly exists: boolean; readonly ours: boolean } | undefined;
}

interface InspectedRow extends Omit<InspectedRole, 'strays'> {
  readonly name: string;
  readonly inDatabase: readonly string[];
}

const ABSENT: InspectedRole = { exists: false, ours: false, canLogin: false, connectionLimit: -1, settings: [], strays: [] };

/** Reads what exists of a home and whether it is this request's; changes nothing. For reconciliation: compare and repair. */
export async function inspectHome(connection: Connection, home: Home): Promise<InspectedHome> {
  const names = homeNames(home.tenantId, home.tier);
  const comment = homeComment(home.tenantId, home.requestId);
  const { rows: roles } = await connection.query<InspectedRow>(
    `select rolname as name, true as exists, shobj_description(r.oid, 'pg_authid') is not distinct from $2 as ours, rolcanlogin as "canLogin",
            rolconnlimit as "connectionLimit", coalesce(s.setconfig, '{}') as settings, coalesce(d.setconfig, '{}') as "inDatabase"
       from pg_roles r left join pg_db_role_setting s on s.setrole = r.oid and s.setdatabase = 0
       left join pg_db_role_setting d on d.setrole = r.oid and d.setdatabase = (select oid from pg_database where datname = $3)
      where rolname = any ($1)`,
    [[names.role, names.readonlyRole], comment, names.database],
  );
  const { rows: places } = await connection.query<{ kind: 'database' | 'schema' | 'here'; ours: boolean; open: boolean }>(
    `select 'database' as kind, shobj_description(oid, 'pg_database') is not distinct from $3 as ours, datallowconn as open
       from pg_database where datname = $1
     union all select 'here', true, true where current_database() = $1
     union all select 'schema', obj_description(oid, 'pg_namespace') is not distinct from $3, true from pg_namespace where nspname = $2`,
    [names.database, names.schema, comment],
  );
  const place = (kind: 'database' | 'schema') => {
    const found = places.find((row) => row.kind === kind);
    return { exists: found !== undefined, ours: found?.ours ?? false, open: found?.open ?? false };
  };
  const login = (name: string): InspectedRole => {
    const found = roles.find((row) => row.name === name);
    if (found === undefined) return ABSENT;
    const { exists, ours, canLogin, connectionLimit, settings, inDatabase } = found;
    return {
      exists,
      ours,
      canLogin,
      connectionLimit,
      settings,
      strays: straysOf(inDatabase, searchPathSetting(namedHome(home))),
    };
  };
  const schema = place('schema');
  const isHere = places.some((row) => row.kind === 'here');
  return {
    role: login(names.role),
    readonlyRole: login(names.readonlyRole),
    database: home.tier === 'enterprise' ? place('database') : undefined,
    schema: home.tier === 'small' || !isHere ? undefined : { exists: schema.exists, ours: schema.ours },
  };
}

const straysOf = (settings: readonly string[], searchPath: string): string[] => [
  ...settings.filter((setting) => setting !== searchPath).map((setting) => `${setting} in its database`),
  ...(settings.includes(searchPath) ? [] : [`not ${searchPath}`]),
];

/**
 * An object that has the name or the comment of a home. Without `tenantId` it is an orphan: named like a home, and no comment
 * says whose.
 */
export interface ListedHomeObject {
  readonly kind: 'database' | 'schema' | 'role';
  readonly name: string;
  readonly tenantId: string | undefined;
  readonly requestId: string | undefined;
}

/**
 * Every database, role and (of the shared database, where the connection must be) schema that is a tenant's home or looks like
 * one: for the comparison of what is wanted with what is there. Homes in stock (`…__stock_…`) are not listed.
 */
export async function listHomes(shared: Connection): Promise<ListedHomeObject[]> {
  const { rows } = await shared.query<{ kind: ListedHomeObject['kind']; name: string; comment: string | null }>(
    `select 'database' as kind, datname as name, shobj_description(oid, 'pg_database') as comment from pg_database
      where shobj_description(oid, 'pg_database') like 'ultracore home of %'
         or datname ~ '^ultracore_[a-z]' and datdba = '${ROLES.owner}'::regrole and datname not in ('${SHARED_DATABASE}', '${TEMPLATE_DATABASE}')
     union all
     select 'schema', nspname, obj_description(oid, 'pg_namespace') from pg_namespace
      where current_database() = '${SHARED_DATABASE}' and (nspname ~ '^tenant_[a-z]' or obj_description(oid, 'pg_namespace') like 'ultracore home of %')
     union all
     select 'role', rolname, shobj_description(oid, 'pg_authid') from pg_roles
      where rolname ~ '^uc_[a-z]' or shobj_description(oid, 'pg_authid') like 'ultracore home of %'
      order by 1, 2`,
  );
  return rows.map(({ kind, name, comment }) => {
    const owner = parseHomeComment(comment);
    return { kind, name, tenantId: owner?.tenantId, requestId: owner?.requestId };
  });
}
