import { quoteIdent, quoteLiteral, sqlStateOf } from '@ultracore/postgres';
import { type Connection, inTransaction, lastRows } from '../client.ts';
import { MigrationError, TenantDatabaseError } from '../errors.ts';
import { migratedRights, migratedRightsLook } from '../home/schema.ts';
import { APP_SCHEMA, namedHome, parseHomeComment, ROLES, SHARED_DATABASE } from '../names.ts';
import { migrationError, orTimeout } from './failure.ts';
import type { Migration } from './load.ts';
import { describe, isAboutRows } from './refusal.ts';

export interface RunMigrationsOptions {
  /** The schema to fill, which must exist: `homeNames(…).schema`. Also the key of the bookkeeping in this database. */
  readonly schema: string;
  readonly migrations: readonly Migration[];
  /** Is this the schema that small tenants share? Then row security is set in the transaction of every migration. */
  readonly shared?: boolean;
  /** Leave a home that has any migration as it is: it is in use, and to bring it further is decided elsewhere. */
  readonly onlyNew?: boolean;
  /** Go no further than this version. Default: all. */
  readonly target?: string;
  /** How long a statement waits for a lock that a tenant's session holds. Default 10 s. */
  readonly lockTimeoutMs?: number;
  /** How long a statement may run. Default: what the connection has. */
  readonly statementTimeoutMs?: number;
}

/** `applied` and `tablesCreated` are of this call, `total` of the home's whole history (so a repeated call can report a creation). */
export interface MigrationReport {
  /** The newest version the home has; undefined when it has none. */
  readonly version: string | undefined;
  readonly applied: number;
  readonly tablesCreated: number;
  readonly total: { readonly applied: number; readonly tablesCreated: number };
}

interface AppliedMigration {
  readonly version: string;
  readonly checksum: string;
  readonly tablesCreated: number;
}

/**
 * Brings the tables of a home up to date, as `ultracore_owner` and with the home's schema as the only search_path. A new home
 * gets all migrations in one transaction; one that has some gets each in its own. Runs at the same time on one home wait for
 * each other; a home that is up to date costs one query. A home that is ahead of the list is left alone.
 * @throws TenantDatabaseError `migration_changed`, `migration_out_of_order`; MigrationError `migration_failed`, `lock_timeout`,
 * `statement_timeout`, `unsafe_schema`.
 */
export async function runMigrations(connection: Connection, options: RunMigrationsOptions): Promise<MigrationReport> {
  const { schema, target } = options;
  const migrations = options.migrations.filter(({ version }) => target === undefined || version <= target);
  const before = (await connection.query<AppliedMigration>(APPLIED_SQL, [schema])).rows;
  const pending = pendingOf(schema, migrations, before);
  if (pending.length === 0 || (options.onlyNew === true && before.length > 0)) return report([], before);
  const batches = before.length === 0 ? [pending] : pending.map((migration) => [migration]);
  const done: AppliedMigration[] = [];
  let all = before;
  for (const batch of batches) {
    const result = await applyBatch(connection, options, batch);
    done.push(...result.done);
    all = result.all;
  }
  return report(done, all);
}

/**
 * Puts row security on the schema that small tenants share, or refuses it; `runMigrations` with `shared` does so itself.
 * @throws TenantDatabaseError `unsafe_schema`, with one line a fault.
 */
export async function protectSmall(connection: Connection): Promise<void> {
  try {
    await inTransaction(connection, async () => {
      await connection.query(`set local role ${ROLES.owner}; call ultracore.protect('${APP_SCHEMA}')`);
    });
  } catch (error) {
    if (sqlStateOf(error) !== 'UC001') throw error;
    throw new TenantDatabaseError('unsafe_schema', describe(error), { cause: error });
  }
}

const APPLIED_SQL =
  'select version, checksum, tables_created as "tablesCreated" from ultracore.migrations where home = $1 order by version';

function pendingOf(schema: string, migrations: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const checksums = new Map(applied.map(({ version, checksum }) => [version, checksum]));
  for (const { version, name, checksum } of migrations) {
    const known = checksums.get(version);
    if (known !== undefined && known !== checksum) {
      throw new TenantDatabaseError(
        'migration_changed',
        `Migration ${version}_${name} was applied to ${schema} with another text: undo the change and write a new migration.`,
      );
    }
  }
  const newest = applied.at(-1)?.version ?? '';
  const pending = migrations.filter(({ version }) => !checksums.has(version));
  const late = pending.find(({ version }) => version < newest);
  if (late !== undefined) {
    throw new TenantDatabaseError(
      'migration_out_of_order',
      `Migration ${late.version}_${late.name} came after ${schema} had ${newest}: give it a higher number.`,
    );
  }
  return pending;
}

interface AppliedBatch {
  readonly done: AppliedMigration[];
  readonly all: AppliedMigration[];
}

/** Applies in one transaction what of the batch is not applied yet; returns that, and what the home has then. */
async function applyBatch(
  connection: Connection,
  options: RunMigrationsOptions,
  batch: readonly Migration[],
): Promise<AppliedBatch> {
  try {
    return await inTransaction(connection, () => applyWithin(connection, options, batch));
  } catch (error) {
    // A constraint that is looked at only when the transaction ends.
    const last = isAboutRows(error) ? batch.at(-1) : undefined;
    throw last === undefined ? error : migrationError('migration_failed', last, error);
  }
}

/**
 * Applies all migrations to a new home in the transaction that is under way; the role is `ultracore_owner` afterwards.
 * @throws MigrationError `migration_failed`, `unsafe_schema`.
 */
export async function applyMigrations(connection: Connection, options: RunMigrationsOptions): Promise<void> {
  await applyWithin(connection, options, options.migrations);
}

async function applyWithin(
  connection: Connection,
  options: RunMigrationsOptions,
  batch: readonly Migration[],
): Promise<AppliedBatch> {
  await takeHome(connection, options).catch(orTimeout);
  // Who waited for the lock finds here what the one before it applied.
  const applied = (await connection.query<AppliedMigration>(APPLIED_SQL, [options.schema])).rows;
  const versions = new Set(applied.map(({ version }) => version));
  const todo = batch.filter(({ version }) => !versions.has(version));
  if (todo.length > 0) await restoreRights(connection, options.schema).catch(orTimeout);
  let state = await afterStatements(connection, options.schema, []);
  const done: (AppliedMigration & Migration)[] = [];
  for (const migration of todo) {
    const next = await applyOne(connection, options, migration, state);
    done.push({ ...migration, tablesCreated: Math.max(0, next.tables - state.tables) });
    state = next;
  }
  if (done.length > 0) {
    await connection.query(
      `insert into ultracore.migrations (home, version, name, checksum, tables_created)
       select $1, * from unnest($2::text[], $3::text[], $4::text[], $5::int[])`,
      [
        options.schema,
        done.map(({ version }) => version),
        done.map(({ name }) => name),
        done.map(({ checksum }) => checksum),
        done.map(({ tablesCreated }) => tablesCreated),
      ],
    );
  }
  return { done, all: [...applied, ...done] };
}

/** The home's row lock: held to the end of the transaction, out of reach for tenants in every tier. */
async function takeHome(connection: Connection, options: RunMigrationsOptions): Promise<void> {
  const { schema, lockTimeoutMs = 10_000, statementTimeoutMs } = options;
  const home = quoteLiteral(schema);
  const timeout = statementTimeoutMs === undefined ? '' : `set local statement_timeout = ${Math.trunc(statementTimeoutMs)};`;
  await connection.query(`
    set local lock_timeout = ${Math.trunc(lockTimeoutMs)}; ${timeout}
    insert into ultracore.homes (home) values (${home}) on conflict do nothing;
    select from ultracore.homes where home = ${home} for update;
    ${roleAndPath(ROLES.owner, schema)}`);
}

const roleAndPath = (role: string, schema: string): string =>
  `set local role ${role}; set local search_path = ${quoteIdent(schema)}, pg_temp`;

/** The rights of the logins whose schema it is, by its comment; one that small tenants share has them from `protect`. */
async function restoreRights(connection: Connection, schema: string): Promise<void> {
  const { rows } = await connection.query<{ comment: string | null; shared: boolean }>(
    `select obj_description(to_regnamespace($1), 'pg_namespace') as comment, current_database() = '${SHARED_DATABASE}' as shared`,
    [quoteIdent(schema)],
  );
  const [found] = rows;
  const owner = parseHomeComment(found?.comment ?? null);
  if (found === undefined || owner === undefined) return;
  const home = namedHome({ ...owner, tier: found.shared ? 'standard' : 'enterprise' });
  const look = await connection.query<{ granted: boolean }>(migratedRightsLook(home));
  if (look.rows[0]?.granted !== true) await connection.query(migratedRights(home).join(';\n'));
}

interface TransactionState {
  /** By its id a migration that ended the transaction is found out. */
  readonly transactionId: string | null;
  readonly tables: number;
}

async function afterStatements(connection: Connection, schema: string, statements: readonly string[]): Promise<TransactionState> {
  // By pg_depend, which has an index for it: pg_class is read whole, which is long where thousands of homes share a database.
  const look = `select pg_current_xact_id_if_assigned()::text as "transactionId", count(*)::int as tables
    from pg_depend d join pg_class c on c.oid = d.objid
   where d.classid = 'pg_class'::regclass and d.refclassid = 'pg_namespace'::regclass
     and d.refobjid = to_regnamespace(${quoteLiteral(quoteIdent(schema))})::oid and c.relkind in ('r', 'p') and not c.relispartition`;
  const rows = lastRows(await connection.query<TransactionState>([...statements, look].join(';\n')));
  return rows[0] ?? { transactionId: null, tables: 0 };
}

async function applyOne(
  connection: Connection,
  { schema, shared = false }: RunMigrationsOptions,
  migration: Migration,
  before: TransactionState,
): Promise<TransactionState> {
  if (shared && migration.changesData) await connection.query(roleAndPath(ROLES.maint, schema));
  try {
    await connection.query(migration.sql);
  } catch (error) {
    throw migrationError('migration_failed', migration, error);
  }
  const protect = shared && !migration.changesData ? [`call ultracore.protect(${quoteLiteral(quoteIdent(schema))})`] : [];
  const after = await afterStatements(connection, schema, [roleAndPath(ROLES.owner, schema), ...protect]).catch(
    (error: unknown) => {
      throw sqlStateOf(error) === 'UC001' ? migrationError('unsafe_schema', migration, error) : error;
    },
  );
  if (after.transactionId === before.transactionId) return after;
  throw new MigrationError(
    'migration_failed',
    { version: migration.version, sqlState: undefined },
    `Migration ${migration.version}_${migration.name} ends its transaction: migrations must not commit or roll back.`,
  );
}

function report(done: readonly AppliedMigration[], all: readonly AppliedMigration[]): MigrationReport {
  const count = (list: readonly AppliedMigration[]) => ({
    applied: list.length,
    tablesCreated: list.reduce((sum, { tablesCreated }) => sum + tablesCreated, 0),
  });
  return { version: all.at(-1)?.version, ...count(done), total: count(all) };
}
