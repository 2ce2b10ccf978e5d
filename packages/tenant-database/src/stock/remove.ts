import { quoteIdent } from '@ultracore/postgres';
import { type Connect, type Connection, inTransaction, withConnection } from '../client.ts';
import { databaseState } from '../home/database.ts';
import { revokeGrantsElsewhere } from '../home/grants-elsewhere.ts';
import { commentsOfRoles } from '../home/roles.ts';
import { dropDatabase, dropRoleStatements } from '../home/undo.ts';
import { ADMIN_DATABASE, ROLES, SHARED_DATABASE } from '../names.ts';
import { namedStockHome } from './names.ts';

/**
 * Removes what has the names of a home in stock, half made or whole. One that was claimed has other names by then and is not
 * touched, nor is a database or schema that is not `ultracore_owner`'s. Safe to repeat, and to cut off anywhere.
 * @throws TenantDatabaseError `still_in_use`, `left_over`.
 */
export async function removeStockHome(connect: Connect, stockId: string): Promise<void> {
  const { database, role, readonlyRole } = namedStockHome({ stockId, tier: 'enterprise' }).names;
  await withConnection(connect, ADMIN_DATABASE, async (admin) => {
    const state = await databaseState(admin, database);
    if (state?.ours === true) await dropDatabase(admin, database, state.invalid);
  });
  await withConnection(connect, SHARED_DATABASE, async (shared) => {
    const roles = [...(await commentsOfRoles(shared, [role, readonlyRole])).keys()];
    await revokeGrantsElsewhere(connect, shared, roles);
    await inTransaction(shared, async () => {
      await shared.query(`set local lock_timeout = '10s'`);
      await dropSchema(shared, stockId);
      await dropRoleStatements(shared, roles);
    });
  });
}

async function dropSchema(shared: Connection, stockId: string): Promise<void> {
  const { schema } = namedStockHome({ stockId, tier: 'standard' }).names;
  const { rowCount } = await shared.query(
    `select from pg_namespace where nspname = $1 and nspowner = '${ROLES.owner}'::regrole`,
    [schema],
  );
  if (rowCount !== 1) return;
  await shared.query('delete from ultracore.homes where home = $1', [schema]);
  await shared.query(`drop schema ${quoteIdent(schema)} cascade`);
}
