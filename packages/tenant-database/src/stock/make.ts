import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import { type Connect, type Connection, runScript, withConnection } from '../client.ts';
import { createFromTemplate, openDatabaseStatements } from '../home/database.ts';
import { roleStatements } from '../home/roles.ts';
import { schemaStatements } from '../home/schema.ts';
import type { Migration } from '../migrations/load.ts';
import { runMigrations } from '../migrations/run.ts';
import { ADMIN_DATABASE, type NamedHome, ROLES, SHARED_DATABASE } from '../names.ts';
import { namedStockHome, STOCK_COMMENT, type StockHome, stockTag } from './names.ts';

/** What is there of a home in stock while it is made, in order. */
export type StockPart = 'roles' | 'database' | 'filled';

export interface MakeStockOptions {
  readonly migrations: readonly Migration[];
  /** Told after each part. */
  readonly onPart?: (part: StockPart) => void;
}

/**
 * Makes a home for nobody yet: two logins that cannot log in, database or schema, every right, and the tables of the migrations.
 * Its tag comes last, so that one cut off before is recognised; it cannot be gone on with, only removed. Nobody may
 * connect to an enterprise database in stock, so that nobody is in it when it is given out.
 */
export async function makeStockHome(connect: Connect, stock: StockHome, options: MakeStockOptions): Promise<void> {
  const home = namedStockHome(stock);
  await (stock.tier === 'enterprise' ? makeDatabase(connect, home, stock, options) : makeSchema(connect, home, stock, options));
}

async function makeDatabase(connect: Connect, home: NamedHome, stock: StockHome, options: MakeStockOptions): Promise<void> {
  const database = quoteIdent(home.names.database);
  await withConnection(connect, ADMIN_DATABASE, async (admin) => {
    await runScript(admin, bothRoles(home));
    options.onPart?.('roles');
    await createFromTemplate(admin, home.names.database);
    options.onPart?.('database');
    await runScript(admin, openDatabaseStatements(home));
    await withConnection(connect, home.names.database, async (own) => {
      await runScript(own, ['begin', ...schemaStatements(home, STOCK_COMMENT), 'commit']);
      await fill(own, home, options);
    });
    options.onPart?.('filled');
    await runScript(admin, [
      `alter database ${database} with allow_connections false`,
      `comment on database ${database} is ${quoteLiteral(stockTag(stock.fingerprint))}`,
    ]);
  });
}

async function makeSchema(connect: Connect, home: NamedHome, stock: StockHome, options: MakeStockOptions): Promise<void> {
  const schema = quoteIdent(home.names.schema);
  await withConnection(connect, SHARED_DATABASE, async (shared) => {
    await runScript(shared, ['begin', ...bothRoles(home), ...schemaStatements(home, STOCK_COMMENT), 'commit']);
    options.onPart?.('roles');
    await fill(shared, home, options);
    options.onPart?.('filled');
    await runScript(shared, [
      'begin',
      `set local role ${ROLES.owner}`,
      `comment on schema ${schema} is ${quoteLiteral(stockTag(stock.fingerprint))}`,
      'commit',
    ]);
  });
}

const bothRoles = (home: NamedHome): string[] => [
  ...roleStatements(home, home.names.role),
  ...roleStatements(home, home.names.readonlyRole),
];

const fill = (connection: Connection, { names }: NamedHome, { migrations }: MakeStockOptions) =>
  runMigrations(connection, { schema: names.schema, migrations });
