import { sqlStateOf } from '@ultracore/postgres';
import type { Connection } from '@ultracore/tenant-database';
import { Client } from 'pg';
import { LAGGING } from '../provisioning/replica/steps.ts';
import { troubleOf } from '../provisioning/trouble.ts';

export interface Standby {
  readonly host: string;
  readonly port: number;
}

/** Why a standby may not serve a tenant's reads. */
export type ReplicaRejection = 'unreachable' | 'login_refused' | 'not_in_recovery' | 'other_system' | 'home_not_found';

/** A standby is not fit for a tenant. Says nothing about the server that the tenant lives on. */
export class ReplicaRejectedError extends Error {
  override readonly name = 'ReplicaRejectedError';
  readonly code: ReplicaRejection;
  /** See `LAGGING`. */
  readonly mayPass: boolean;

  constructor(code: ReplicaRejection, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
    this.mayPass = LAGGING.has(code);
  }
}

interface Login {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

const TIMEOUT_MS = 5000;
const REFUSED: ReadonlySet<string | undefined> = new Set(['28P01', '28000']);
const NO_SUCH_DATABASE = '3D000';

/** Logs in to a standby and runs `work`. Throws `ReplicaRejectedError` for whatever goes wrong: it is never the home server's fault. */
export async function atStandby<Result>(
  standby: Standby,
  login: Login,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const client = new Client({
    ...standby,
    ...login,
    application_name: 'ultracore-worker replica test',
    connectionTimeoutMillis: TIMEOUT_MS,
    query_timeout: TIMEOUT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await work(client);
  } catch (error) {
    throw rejection(standby, login, error);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function rejection({ host, port }: Standby, { user, database }: Login, error: unknown): ReplicaRejectedError {
  if (error instanceof ReplicaRejectedError) return error;
  const { reason } = troubleOf(error);
  const place = `${host}:${port}`;
  if (REFUSED.has(sqlStateOf(error))) {
    return new ReplicaRejectedError('login_refused', `${place} refuses ${user}: ${reason}`, { cause: error });
  }
  if (sqlStateOf(error) === NO_SUCH_DATABASE) {
    return new ReplicaRejectedError('home_not_found', `${place} has no database ${database}.`, { cause: error });
  }
  return new ReplicaRejectedError('unreachable', `${place} cannot be used in ${database}: ${reason}`, { cause: error });
}
