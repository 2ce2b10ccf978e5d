import { type Backend, isWireError, openBackend } from '@ultracore/tenant-pool';
import { sessionSettings } from '../../src/statement/session-settings.ts';

/** What the statements of `cases.ts` speak of. */
export const TABLES = `
create schema app;
create schema ultracore;
create function ultracore.current_tenant_id() returns text language sql stable return 'acme';
create table app.portfolios (tenant_id text not null default ultracore.current_tenant_id(), id int primary key default 1, name text);
create table app.orders (tenant_id text not null default ultracore.current_tenant_id(), id int primary key default 1, status text default 'new',
  quantity numeric default 1, portfolio_id int);
create sequence app.order_numbers;
insert into app.portfolios (id, name) select i, 'p' || i from generate_series(1, 5) i;
insert into app.orders (id, status, quantity, portfolio_id) select i, 's' || i % 3, i, i from generate_series(1, 5) i;
`;

/** All that a statement could leave on its session, and on the roles of the server. */
const STATE = `select json_build_object(
  'settings', (select md5(string_agg(concat(name, '=', setting, '/', source), ',' order by name)) from pg_settings),
  'custom', current_setting('app.x', true),
  'prepared', (select array_agg(name) from pg_prepared_statements),
  'cursors', (select array_agg(name) from pg_cursors where name <> ''),
  'locks', (select array_agg(objid) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'),
  'channels', (select array_agg(c) from pg_listening_channels() c),
  'temporary', pg_my_temp_schema(),
  'users', array[current_user, session_user, system_user],
  'origin', pg_replication_origin_session_is_setup(),
  'role settings', (select array_agg(setconfig::text) from pg_db_role_setting)
)::text`;

export interface Session {
  readonly backend: Backend;
  /** Runs one statement; the SQLSTATE when Postgres refuses it. */
  run(text: string): Promise<string | undefined>;
  /** The values of a statement’s only column. */
  column(text: string): Promise<string[]>;
  /** Whatever differs between two of them was left behind. */
  state(): Promise<string>;
  close(): Promise<void>;
}

export async function openSession(url: string): Promise<Session> {
  const { hostname, port, username, password, pathname } = new URL(url);
  const backend = await openBackend({
    host: hostname,
    port: Number(port),
    user: username,
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    applicationName: 'guard test',
    settings: { ...sessionSettings('app'), statement_timeout: '5s', lock_timeout: '1s' },
    connectTimeoutMs: 10_000,
  });
  const rowsOf = (text: string): Promise<string[]> =>
    new Promise((resolve, reject) => {
      const rows: string[] = [];
      backend.execute(
        { text, params: parametersOf(text), prepare: false },
        {
          columns: () => {},
          // Of a single column: Int16 count, Int32 length, bytes.
          row: (buffer, start, end) => rows.push(buffer.toString('utf8', Math.min(start + 6, end), end)),
          complete: () => resolve(rows),
          failed: reject,
        },
      );
    });
  return {
    backend,
    column: rowsOf,
    run: (text) =>
      rowsOf(text).then(
        () => undefined,
        (error: unknown) => {
          if (isWireError(error) && error.code === 'postgres') return error.sqlstate;
          throw error;
        },
      ),
    async state() {
      // Another role may not even ask.
      const state = await rowsOf(STATE).then(String, String);
      return `${state} ${backend.transactionStatus} ${backend.settingsAltered}`;
    },
    async close() {
      backend.close();
      await backend.closed;
    },
  };
}

/** As many NULLs as the text has parameters. */
function parametersOf(text: string): null[] {
  const highest = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number)));
  return Array.from({ length: Math.min(highest, 10) }, () => null);
}
