import { randomBytes } from 'node:crypto';
import { quoteIdent, quoteLiteral } from '@ultracore/postgres';
import { type Connection, inTransaction } from '../client.ts';
import { sharedSchemaRights } from '../bootstrap/support.ts';
import { schemaStatements } from '../home/schema.ts';
import type { Migration } from '../migrations/load.ts';
import { applyMigrations } from '../migrations/run.ts';
import { type HomeNames, ROLES, SHARED_DATABASE } from '../names.ts';
import { type Description, describeSchema } from './describe.ts';

/** A home as it should be, under names that occur nowhere else: who compares puts those of the real home in their place. */
export interface Pattern {
  readonly names: HomeNames;
  readonly objects: Description;
}

const COMMENT = 'ultracore drift: made to be compared with, and dropped';

/**
 * Applies migrations to an empty home in the shared database, describes what they made, and takes all of it back: everything
 * happens in one transaction that is rolled back, roles included, so that a worker that is killed leaves nothing. Nobody else ever sees it.
 * `shared`: as the schema that small tenants share, under row security; otherwise as a home with two logins.
 * @throws as `runMigrations`.
 */
export async function buildPattern(
  connection: Connection,
  { migrations, shared }: { readonly migrations: readonly Migration[]; readonly shared: boolean },
): Promise<Pattern> {
  await sweepScratch(connection);
  const id = randomBytes(8).toString('hex');
  const role = `uc__drift_${id}`;
  const names = { database: SHARED_DATABASE, schema: `drift__${id}`, role, readonlyRole: `${role}__ro` };
  await connection.query('begin');
  try {
    await connection.query((shared ? sharedSchema(names.schema) : homeWithLogins(names)).join(';\n'));
    await applyMigrations(connection, { schema: names.schema, migrations, shared });
    return { names, objects: await describeSchema(connection, names.schema) };
  } finally {
    // Where the connection broke, so did the transaction.
    await connection.query('rollback').catch(() => {});
  }
}

const sharedSchema = (schema: string): string[] => [
  `set local role ${ROLES.owner}`,
  `create schema ${quoteIdent(schema)}`,
  ...sharedSchemaRights(schema),
  'reset role',
];

/** The roles are in no group: that would lock the group against every creation, and rights in the home come from elsewhere. */
const homeWithLogins = (names: HomeNames): string[] => [
  `create role ${quoteIdent(names.role)} nologin`,
  `create role ${quoteIdent(names.readonlyRole)} nologin`,
  ...schemaStatements({ tier: 'standard', names }, COMMENT),
  'reset role',
];

/** Only a migration that ends its transaction could make a scratch home last: those that are found are dropped. */
async function sweepScratch(connection: Connection): Promise<void> {
  const { rows } = await connection.query<{ schema: string }>(
    `select nspname as schema from pg_catalog.pg_namespace where nspname ~ '^drift__[0-9a-f]{16}$'`,
  );
  for (const { schema } of rows) {
    const role = schema.replace('drift__', 'uc__drift_');
    await inTransaction(connection, async () => {
      await connection.query(`
        delete from ultracore.homes where home = ${quoteLiteral(schema)};
        set local role ${ROLES.owner}; drop schema ${quoteIdent(schema)} cascade; reset role;
        drop role if exists ${quoteIdent(role)}, ${quoteIdent(`${role}__ro`)};`);
    });
  }
}
