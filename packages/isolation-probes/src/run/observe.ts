import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import { ProbeError } from '../errors.ts';
import type { Route } from '../probe.ts';
import { type Party, rowsOf, type Session } from './session.ts';

/** What a tenant has and may, by the name of what was looked at; equal snapshots are of a tenant that nobody changed. */
export type Snapshot = ReadonlyMap<string, string>;

/**
 * A victim as it sees itself, through new connections of both its logins (a changed password would show): counts and checksums
 * of its tables, its roles and theirs to whom it is a neighbour, their settings and memberships, and every grant, policy,
 * trigger and owner in its home.
 * @throws ProbeError `not_planted` when it cannot be read.
 */
export async function takeSnapshot(victim: Party, attacker: Party): Promise<Snapshot> {
  const snapshot = new Map<string, string>();
  for (const login of ['read-only', 'read-write'] as const) {
    const session = await victim.open(login);
    try {
      const roles = `(${[victim, attacker].flatMap(rolesOf).map(quoteLiteral).join(', ')})`;
      for (const [what, sql] of Object.entries(QUESTIONS)) {
        await look(session, `${what} (${login})`, sql.replaceAll('%ROLES%', roles), snapshot);
      }
      await look(session, `rows (${login})`, await rowsQuery(session), snapshot);
    } finally {
      await session.close();
    }
  }
  return snapshot;
}

/** What changed between two snapshots, one sentence each. */
export function changesBetween(before: Snapshot, after: Snapshot): string[] {
  return [...before].flatMap(([what, value]) => {
    const now = after.get(what);
    return now === value ? [] : [`${what} changed: ${differing(value, now ?? '')}`];
  });
}

/** From where two texts differ, with a little before. */
function differing(before: string, now: string): string {
  let at = 0;
  while (at < before.length && before[at] === now[at]) at += 1;
  const from = Math.max(0, at - 60);
  return `…${before.slice(from, at + 80)}… became …${now.slice(from, at + 80)}…`;
}

const rolesOf = (party: Party): string[] => {
  const role = `uc_${party.tenantId.replaceAll('-', '_')}`;
  return [role, `${role}__ro`];
};

/** `current_schema()` is the victim's home in its database. Settings of the attacker's own roles are the attacker's. */
const QUESTIONS: Readonly<Record<string, string>> = {
  login: 'select session_user, current_user, current_database(), current_schemas(false), ultracore.current_tenant_id()',
  'attributes of roles': `select rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls, rolconnlimit, rolvaliduntil,
    shobj_description(oid, 'pg_authid') from pg_roles where rolname in %ROLES% or rolname like 'ultracore\\_%' order by 1`,
  'settings of roles': `select d.datname, r.rolname, s.setconfig from pg_db_role_setting s left join pg_database d on d.oid = s.setdatabase
    left join pg_roles r on r.oid = s.setrole where r.rolname = session_user or r.rolname like 'ultracore\\_%' or r.rolname is null order by 1, 2`,
  memberships: `select g.rolname, m.rolname, a.admin_option, a.inherit_option, a.set_option from pg_auth_members a join pg_roles g on g.oid = a.roleid
    join pg_roles m on m.oid = a.member where g.rolname in %ROLES% or m.rolname in %ROLES% order by 1, 2, 3, 4, 5`,
  'its database': `select datname, datdba::regrole::text, datacl::text, datallowconn, datconnlimit from pg_database where datname = current_database()`,
  schemas: `select nspname, nspowner::regrole::text, nspacl::text, obj_description(oid, 'pg_namespace') from pg_namespace
    where nspname in (current_schema(), 'ultracore', 'own', 'public') order by 1`,
  relations: `select relname, relkind, relowner::regrole::text, relacl::text, relrowsecurity, relforcerowsecurity, relhastriggers, relhasrules
    from pg_class where relnamespace in (to_regnamespace(current_schema()), to_regnamespace('ultracore'), to_regnamespace('own')) order by 1, 2`,
  policies: `select c.relname, p.polname, p.polcmd, p.polpermissive, p.polroles::regrole[]::text, pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid)
    from pg_policy p join pg_class c on c.oid = p.polrelid where c.relnamespace = to_regnamespace(current_schema()) order by 1, 2`,
  triggers: `select c.relname, t.tgname, t.tgenabled, t.tgfoid::regprocedure::text from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where c.relnamespace = to_regnamespace(current_schema()) and not t.tgisinternal order by 1, 2`,
  routines: `select p.oid::regprocedure::text, p.proowner::regrole::text, p.proacl::text, p.prosecdef, p.proconfig::text, md5(pg_get_functiondef(p.oid))
    from pg_proc p where p.prokind in ('f', 'p') and p.pronamespace in (to_regnamespace(current_schema()), to_regnamespace('ultracore'), to_regnamespace('own')) order by 1`,
  'rights on what is hidden': `select p.oid::regprocedure::text, p.proacl::text from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace and p.proacl is not null order by 1`,
  'rights on parameters': 'select parname, paracl::text from pg_parameter_acl order by 1',
};

async function rowsQuery(session: Session): Promise<string> {
  const reply = await ask(
    session,
    'its tables',
    `select relname from pg_class where relnamespace = to_regnamespace(current_schema()) and relkind in ('r', 'p') order by 1`,
  );
  const tables = reply.map(([name]) => String(name));
  if (tables.length === 0) throw new ProbeError('not_planted', 'The home of a victim has no tables: nothing could be judged.');
  return tables
    .map((table) => {
      const whole = `coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '')`;
      return `select ${quoteLiteral(table)}, count(*), ${whole} from ${quoteIdent(table)} t`;
    })
    .join(' union all ');
}

async function look(session: Session, what: string, sql: string, into: Map<string, string>): Promise<void> {
  into.set(what, JSON.stringify(await ask(session, what, sql)));
}

async function ask(session: Session, what: string, sql: string): Promise<readonly (readonly unknown[])[]> {
  const reply = await session.run({ form: 'simple', statements: [{ sql, params: [] }] });
  const rows = rowsOf(reply);
  if (rows !== undefined) return rows;
  throw new ProbeError('not_planted', `${what} cannot be read (${reply.code}): ${reply.message ?? ''}`);
}

/** A session's own state, where a tenant could have changed it for whoever comes next. Settings of the transaction come and go. */
const STATE = `select session_user, current_user, current_database(), current_schemas(true)::text, ultracore.current_tenant_id(),
  %PREPARED%, (select count(*) from pg_cursors where is_holdable),
  (select count(*) from pg_listening_channels()), pg_my_temp_schema() <> 0, nullif(current_setting('probe.left_behind', true), ''),
  nullif(current_setting('ultracore.tenant_id', true), ''), current_setting('transaction_read_only'), current_setting('transaction_isolation'),
  (select string_agg(name || '=' || coalesce(setting, ''), ' ' order by name) from pg_settings
    where context in ('user', 'superuser') and name not like 'transaction\\_%' and name not like '%.%' and name not in ('application_name', 'statement_timeout')),
  current_setting('statement_timeout'), random() = %KNOWN%::float8`;

/** The gateway does not let its tenants look at prepared statements, which are its own. */
const PREPARED: Readonly<Record<Route, string>> = {
  direct: '(select count(*) from pg_prepared_statements where from_sql)',
  gateway: '0',
};

/**
 * The number that random() gives first after what the probe `state/seed` does: met again, somebody knows what comes. It is used up by this look; 'NaN',
 * which it never is, where it cannot be had.
 */
export async function knownRandom(session: Session): Promise<string> {
  const statements = ['select setseed(0.5)', 'select random()::text'].map((sql) => ({ sql, params: [] }));
  const known = rowsOf(await session.run({ form: 'transaction', statements }))?.[0]?.[0];
  await session.reset();
  return typeof known === 'string' ? known : 'NaN';
}

/** The states of the backends that the session's next requests meet; equal to those at the start where nothing was left behind. */
export async function stateOf(session: Session, { route, backends }: Party, known: string): Promise<string> {
  const question = STATE.replace('%PREPARED%', PREPARED[route]).replace('%KNOWN%', quoteLiteral(known));
  const states = await Promise.all(Array.from({ length: backends }, () => ask(session, 'the session’s own state', question)));
  return [...new Set(states.map((state) => JSON.stringify(state)))].sort().join('\n');
}

/** What differs between two states, as a sentence; undefined when nothing does. */
export function stateLeft(before: string, now: string): string | undefined {
  return before === now ? undefined : `the next request finds another session: ${differing(before, now)}`;
}
