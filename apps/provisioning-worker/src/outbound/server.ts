import {
  ADMIN_DATABASE,
  endSessionsOf,
  SHARED_DATABASE,
  verifyServer,
  type Connect,
  type Connection,
  type Finding,
} from '@ultracore/tenant-database';
import { Client, Pool, type ClientBase, type ClientConfig, type PoolClient } from 'pg';
import { backoffMs } from '../provisioning/backoff.ts';
import { troubleOf } from '../provisioning/trouble.ts';
import { PATIENCE, patientConnection, type Patience } from './patience.ts';

interface ServerAddress {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface ServerOptions extends ServerAddress {
  readonly user: string;
  readonly password: string;
  /** Admin connections at most to each of the two databases that every tenant needs. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** `PATIENCE` unless given. */
  readonly patience?: Patience | undefined;
  /** How often a fit server is verified again. */
  readonly verifyEveryMs: number;
  /** Done each time the server has become fit, before it gets work. Its failure is told and is no reason not to use the server. */
  prepare(connect: PostgresServer['connect']): Promise<void>;
  readonly logger: Logger;
}

interface Logger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface AdminConnection {
  readonly client: Connection;
  /** For the next user, or closed when it is in a database of its own. */
  giveBack(): Promise<void>;
  end(): Promise<void>;
  destroy(): void;
}

type ServerState = 'unverified' | 'fit' | 'unfit' | 'unreachable';

export interface PostgresServer extends ServerAddress {
  readonly state: ServerState;
  /** Why it is not used, for people; undefined when it is. */
  problem(): string | undefined;
  /** Verifies the server when that is due; never throws. Resolves when the state is up to date. */
  check(): Promise<void>;
  /** Whether `check` would do something now. */
  checkDue(): boolean;
  /** Something could not be done because of the server: no more work for it until it has been verified again. */
  reportTrouble(error: unknown): void;
  connect(database: string): Promise<AdminConnection>;
  /** With what the admin logs in: a standby knows the same login. */
  adminLogin(): { user: string; password: string };
  /** Ends every admin session of one of these names and returns when they are gone. */
  endSessions(names: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** Connections kept open to each of the two databases, so that the first tenant after a quiet time does not wait for one. */
const WARM = 2;
/** After so long without a word from the other side, ten probes in ten seconds decide whether a connection is still there. */
const KEEP_ALIVE_MS = 10_000;
const RETRY = { firstMs: 250, longestMs: 5000 } as const;

/**
 * One Postgres server as the admin sees it: a few pooled connections to the two databases that every tenant needs, single
 * ones to tenants' own databases, and what is known of its health. A server is used only after `verifyServer` found nothing.
 */
export function createServer(options: ServerOptions): PostgresServer {
  const { name, host, port, logger, patience = PATIENCE } = options;
  const pools = new Map<string, Pool>();
  let state: ServerState = 'unverified';
  let findings: readonly Finding[] = [];
  let unreachableBecause = '';
  let failures = 0;
  let checkAt = 0;
  let checking: Promise<void> | undefined;

  const configOf = (database: string): ClientConfig => ({
    host,
    port,
    user: options.user,
    password: options.password,
    database,
    application_name: 'ultracore-worker',
    connectionTimeoutMillis: options.connectTimeoutMs,
    statement_timeout: patience.statementMs,
    lock_timeout: patience.statementMs / 4,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  });

  function poolOf(database: string): Pool {
    const known = pools.get(database);
    if (known) return known;
    const pool = new Pool({ ...configOf(database), max: options.connections, min: WARM, idleTimeoutMillis: 30_000 });
    // What breaks while idle is replaced at the next use.
    pool.on('error', () => undefined);
    pools.set(database, pool);
    return pool;
  }

  async function connect(database: string): Promise<AdminConnection> {
    if (database === ADMIN_DATABASE || database === SHARED_DATABASE) {
      const client = await poolOf(database).connect();
      return pooled(client, patient(client));
    }
    const client = new Client(configOf(database));
    client.on('error', () => undefined);
    await client.connect();
    return single(client, patient(client));
  }

  const patient = (client: ClientBase): Connection =>
    patientConnection(client, patience.askAfterMs, () => isAtWork(processOf(client)));

  /** Asked on a connection of its own, for which nobody has to be waited. */
  async function isAtWork(process: number | undefined): Promise<boolean> {
    const client = new Client({ ...configOf(ADMIN_DATABASE), query_timeout: options.connectTimeoutMs });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const { rowCount } = await client.query(`select from pg_stat_activity where pid = $1 and state not like 'idle%'`, [
        process,
      ]);
      return rowCount === 1;
    } catch (error) {
      if (troubleOf(error).kind === 'server') throw error;
      // Too many connections, say: it answers, and nothing is known of the session.
      return true;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  const connectPlain: Connect = async (database) => {
    const connection = await connect(database);
    return { query: connection.client.query.bind(connection.client), end: () => connection.giveBack() };
  };

  async function verify(): Promise<void> {
    try {
      const found = await verifyServer(connectPlain);
      failures = 0;
      checkAt = Date.now() + (found.length === 0 ? options.verifyEveryMs : RETRY.longestMs);
      tellOf(found);
      if (found.length === 0 && state !== 'fit') await prepare();
      state = found.length === 0 ? 'fit' : 'unfit';
      findings = found;
    } catch (error) {
      unreachable(error);
    }
  }

  async function prepare(): Promise<void> {
    try {
      await options.prepare(connect);
    } catch (error) {
      const trouble = troubleOf(error);
      if (trouble.kind === 'server') throw error;
      logger.error(
        { server: name, err: error },
        'what small tenants share could not be migrated: none can be created on this server',
      );
    }
  }

  function tellOf(found: readonly Finding[]): void {
    const same = state !== 'unreachable' && JSON.stringify(found) === JSON.stringify(findings);
    if (found.length === 0 && state !== 'fit')
      logger.info({ server: name, host, port }, 'the Postgres server is fit for tenants');
    if (found.length > 0 && !same) {
      logger.error({ server: name, host, port, missing: found }, 'the Postgres server is refused: its work waits');
    }
  }

  function unreachable(error: unknown): void {
    failures += 1;
    checkAt = Date.now() + backoffMs(failures, RETRY, Math.random());
    const { code, reason } = troubleOf(error);
    unreachableBecause = `${code}: ${reason}`;
    if (state !== 'unreachable')
      logger.error({ server: name, host, port, code, reason }, 'the Postgres server cannot be used now');
    state = 'unreachable';
  }

  return {
    name,
    host,
    port,
    get state() {
      return state;
    },
    problem() {
      switch (state) {
        case 'fit':
          return undefined;
        case 'unverified':
          return 'not verified yet';
        case 'unreachable':
          return unreachableBecause;
        case 'unfit':
          return findings.map(({ code, detail }) => `${code} (${detail})`).join('; ');
        default:
          return state satisfies never;
      }
    },
    checkDue: () => checking === undefined && Date.now() >= checkAt,
    check() {
      checking ??= verify().finally(() => {
        checking = undefined;
      });
      return checking;
    },
    reportTrouble(error) {
      if (state === 'fit') unreachable(error);
    },
    connect,
    adminLogin: () => ({ user: options.user, password: options.password }),
    async endSessions(names) {
      const connection = await connect(ADMIN_DATABASE);
      try {
        for (const each of names) await endSessionsOf(connection.client, each);
      } finally {
        await connection.giveBack();
      }
    },
    async stop() {
      await checking;
      await Promise.all([...pools.values()].map((pool) => pool.end()));
    },
  };
}

/** A connection that goes back to its pool unless it broke. */
function pooled(client: PoolClient, connection: Connection): AdminConnection {
  let broken: Error | undefined;
  let released = false;
  const onError = (error: Error): void => {
    broken = error;
  };
  client.on('error', onError);
  const release = (destroy?: boolean): void => {
    if (released) return;
    released = true;
    client.off('error', onError);
    client.release(broken ?? destroy);
  };
  return {
    client: connection,
    async giveBack() {
      // A session leaves nothing of one tenant's work to the next: role, search_path and name are what they were.
      await connection.query('reset role; reset all').catch(() => {
        broken ??= new Error('The connection could not be reset.');
      });
      release();
    },
    async end() {
      release(true);
    },
    destroy: () => release(true),
  };
}

function single(client: Client, connection: Connection): AdminConnection {
  const end = async (): Promise<void> => {
    await client.end().catch(() => undefined);
  };
  return { client: connection, giveBack: end, end, destroy: () => void end() };
}

/** The number of the server's process that a client is connected to; its types do not name it. */
const processOf = (client: ClientBase): number | undefined =>
  'processID' in client && typeof client.processID === 'number' ? client.processID : undefined;
