import type { KeyRing } from '@ultracore/credentials';
import {
  ADMIN_DATABASE,
  homeNames,
  smokeTest,
  TenantDatabaseError,
  type Connection,
  type Home,
} from '@ultracore/tenant-database';
import { openPasswords } from '../../passwords.ts';
import { atStandby, ReplicaRejectedError } from '../../standby.ts';
import { replicaDetails } from '../../translate/replica.ts';
import type { Effect } from '../effect.ts';

/**
 * Finds out whether a standby can serve the tenant's reads: it is in recovery, it is a copy of the very server that the home is
 * on, and the tenant's read-only login, with the password in force, finds its tables there and can write none.
 */
export function createVerifyReplica({ keyRing }: { keyRing: KeyRing }): Effect {
  return async ({ home, row, work, server, sessions }) => {
    const { readonly_db_host: host, readonly_db_port: port } = replicaDetails.parse(work.details);
    const standby = { host, port };
    const ofHome = await systemOf(await sessions.get(ADMIN_DATABASE));
    const seen = await atStandby(standby, { ...server.adminLogin(), database: ADMIN_DATABASE }, systemOf);
    if (!seen.recovering) {
      throw new ReplicaRejectedError('not_in_recovery', `${host}:${port} is not a standby: it is not in recovery.`);
    }
    if (seen.system !== ofHome.system) {
      throw new ReplicaRejectedError('other_system', `${host}:${port} is a standby of another server.`);
    }
    const { credential } = row;
    if (credential === null) throw new ReplicaRejectedError('login_refused', 'The tenant has no credential in force.');
    const { readOnly: password } = openPasswords(keyRing, home.tenantId, credential);
    const { database } = homeNames(home.tenantId, home.tier);
    const login = { user: credential.readonly_db_username, password, database };
    await atStandby(standby, login, (connection) => findHome(connection, home));
    return { outcome: {} };
  };
}

interface PostgresSystem {
  readonly recovering: boolean;
  /** Made once, with the data directory: a standby has the one of the server it copies. */
  readonly system: string;
}

async function systemOf(connection: Connection): Promise<PostgresSystem> {
  const { rows } = await connection.query<PostgresSystem>(
    'select pg_is_in_recovery() as recovering, system_identifier::text as system from pg_control_system()',
  );
  const [found] = rows;
  if (found === undefined) throw new TypeError('A server has a system identifier.');
  return found;
}

async function findHome(connection: Connection, home: Home): Promise<void> {
  try {
    await smokeTest(connection, home, 'read-only');
  } catch (error) {
    if (!(error instanceof TenantDatabaseError)) throw error;
    throw new ReplicaRejectedError('home_not_found', error.message, { cause: error });
  }
}
