import { type Connect, type Connection, withConnection } from '../client.ts';
import { createDatabase } from '../home/database.ts';
import { type LoginLimits, openLogin, type Verifiers } from '../home/login.ts';
import { createRoles } from '../home/roles.ts';
import { createSchema } from '../home/schema.ts';
import type { Migration } from '../migrations/load.ts';
import { runMigrations } from '../migrations/run.ts';
import { ADMIN_DATABASE, type Home, homeNames, SHARED_DATABASE } from '../names.ts';

export interface HomeOptions {
  readonly migrations: readonly Migration[];
  readonly limits: LoginLimits;
  readonly verifiers: Verifiers;
}

/** Makes a home and opens its logins: every step of a creation in order, as a worker takes them, without its bookkeeping. As the admin. */
export async function makeHome(connect: Connect, home: Home, { migrations, limits, verifiers }: HomeOptions): Promise<void> {
  await withConnection(connect, home.tier === 'enterprise' ? ADMIN_DATABASE : SHARED_DATABASE, (session) =>
    makeTables(connect, session, home, { migrations, finish: (own) => openLogin(own, home, limits, verifiers) }),
  );
}

/**
 * The steps up to the tables, on a session that is open: in the admin's database for an enterprise tenant, in the shared one for others. Of what
 * is there already each step only looks. `finish` runs on a session in the home's own database.
 */
export async function makeTables(
  connect: Connect,
  session: Connection,
  home: Home,
  { migrations, finish }: { migrations: readonly Migration[]; finish?: (own: Connection) => Promise<void> },
): Promise<void> {
  const { database, schema } = homeNames(home.tenantId, home.tier);
  await createRoles(session, home);
  const fill = async (own: Connection): Promise<void> => {
    await createSchema(own, home);
    await runMigrations(own, { schema, migrations, shared: home.tier === 'small' });
    await finish?.(own);
  };
  if (home.tier !== 'enterprise') return fill(session);
  await createDatabase(session, home, { creationRecorded: true });
  await withConnection(connect, database, fill);
}
