import type { Tier } from '@ultracore/contracts';
import { scramVerifier } from '@ultracore/credentials';
import { homeNames } from '@ultracore/tenant-database';
import { Client, type ClientConfig, DatabaseError, Query, type QueryArrayResult } from 'pg';
import type { Login } from '../probe.ts';
import { type Party, Refusal, type Reply, type Request, type Result, type Session, type Statement } from './session.ts';

export interface DirectOptions {
  readonly tenantId: string;
  readonly tier: Tier;
  readonly host: string;
  readonly port: number;
  readonly passwords: Readonly<Record<Login, string>>;
}

/** A statement that Postgres does not end by itself within this time has hung. */
const HUNG_MS = 60_000;

/** A tenant that connects with its own two logins, as whoever got hold of its passwords could. */
export function directParty(options: DirectOptions): Party {
  const { tenantId, tier, host, port, passwords } = options;
  const names = homeNames(tenantId, tier);
  return {
    tenantId,
    tier,
    route: 'direct',
    backends: 1,
    verifier: (login) => scramVerifier(passwords[login]),
    open: (login, { database = names.database } = {}) => {
      const user = login === 'read-write' ? names.role : names.readonlyRole;
      return openSession({ host, port, database, user, password: passwords[login], query_timeout: HUNG_MS });
    },
  };
}

/** What arrived beside results: notices, notifications, rows of COPY. */
class Connection {
  readonly client: Client;
  readonly heard: string[] = [];
  lost = false;

  constructor(options: ClientConfig) {
    this.client = new Client({ ...options, application_name: 'isolation-probes', connectionTimeoutMillis: 10_000 });
    this.client.on('error', () => {
      this.lost = true;
    });
    this.client.on('end', () => {
      this.lost = true;
    });
    this.client.on('notice', (notice) => this.heard.push(everythingIn(notice)));
    this.client.on('notification', (message) => this.heard.push(`${message.channel} ${message.payload ?? ''}`));
  }

  async query(statement: Statement, extended: boolean): Promise<Result[]> {
    const { promise, resolve, reject } = Promise.withResolvers<QueryArrayResult<unknown[]> | QueryArrayResult<unknown[]>[]>();
    const config = {
      text: statement.sql,
      rowMode: 'array' as const,
      // As Postgres writes the values: nothing is hidden by being parsed.
      types: { getTypeParser: () => (value: string) => value },
      ...(extended ? { values: [...statement.params], queryMode: 'extended' } : {}),
    };
    const query = new CopyingQuery(
      this.heard,
      extended,
      config,
      (error: Error | null, result: typeof promise extends Promise<infer R> ? R : never) =>
        error === null ? resolve(result) : reject(error),
    );
    this.client.query(query);
    const result = await promise;
    return (Array.isArray(result) ? result : [result]).map(toResult);
  }
}

/** `pg` throws the rows of COPY … TO STDOUT away. */
class CopyingQuery extends Query {
  private readonly heard: string[];
  private readonly extended: boolean;

  constructor(heard: string[], extended: boolean, config: object, done: (error: Error | null, result: never) => void) {
    // @ts-expect-error The callback is the second argument also without values, which the types do not know.
    super(config, done);
    this.heard = heard;
    this.extended = extended;
  }

  /** Nothing is sent; the extended protocol waits for a Sync after the failure, which `pg` has sent too early. */
  handleCopyInResponse(connection: { sendCopyFail(reason: string): void; sync(): void }): void {
    connection.sendCopyFail('Nothing to send.');
    if (this.extended) connection.sync();
  }

  handleCopyData(message: { chunk: Buffer }): void {
    this.heard.push(message.chunk.toString());
  }
}

async function openSession(options: ClientConfig): Promise<Session> {
  let connection = await connect(options);
  return {
    async run(request) {
      if (connection.lost) connection = await connect(options);
      return runOn(connection, request);
    },
    async reset() {
      if (connection.lost) connection = await connect(options);
      await connection.query({ sql: 'rollback', params: [] }, false);
      await connection.query({ sql: 'discard all', params: [] }, false);
      // Which leaves a seed behind.
      await connection.query({ sql: `select pg_catalog.setseed(${2 * Math.random() - 1})`, params: [] }, false);
    },
    close: () => connection.client.end().catch(() => {}),
  };
}

async function connect(options: ClientConfig): Promise<Connection> {
  const connection = new Connection(options);
  try {
    await connection.client.connect();
    return connection;
  } catch (error) {
    await connection.client.end().catch(() => {});
    throw new Refusal(replyOf(error, [], []));
  }
}

async function runOn(connection: Connection, request: Request): Promise<Reply> {
  const { form, statements, timeoutMs } = request;
  connection.heard.length = 0;
  const results: Result[] = [];
  const send = async (statement: Statement) => {
    results.push(...(await connection.query(statement, form === 'parameterised')));
  };
  try {
    if (timeoutMs !== undefined) await connection.query({ sql: `set statement_timeout = ${timeoutMs}`, params: [] }, false);
    switch (form) {
      case 'simple':
      case 'streamed':
      case 'parameterised':
        for (const statement of statements) await send(statement);
        break;
      case 'multi-statement':
        await send({ sql: ['select 1', ...statements.map(({ sql }) => sql)].join('; '), params: [] });
        break;
      case 'transaction':
        await connection.query({ sql: 'begin', params: [] }, false);
        for (const statement of statements) await send(statement);
        await connection.query({ sql: 'commit', params: [] }, false);
        break;
      default:
        form satisfies never;
    }
    return { code: undefined, results, text: textOf(results, connection.heard) };
  } catch (error) {
    // A lost connection is told to the query first, to the connection a moment later.
    if (!(error instanceof DatabaseError) || error.severity === 'FATAL') {
      connection.lost = true;
      await connection.client.end().catch(() => {});
    }
    return replyOf(error, results, connection.heard);
  }
}

function replyOf(error: unknown, results: readonly Result[], heard: readonly string[]): Reply {
  const text = `${everythingIn(error)} ${textOf(results, heard)}`;
  const message = error instanceof Error ? error.message : String(error);
  const sqlState = error instanceof DatabaseError ? error.code : undefined;
  return sqlState === undefined
    ? { code: 'connection_lost', refusedBy: 'nobody', message, results, text }
    : { code: sqlState, refusedBy: 'postgres', message, results, text };
}

/** Every field of an error or notice of Postgres, and its message, which is not enumerable. */
function everythingIn(value: unknown): string {
  const message = value instanceof Error ? value.message : '';
  return `${message} ${JSON.stringify(value)}`;
}

const textOf = (results: readonly Result[], heard: readonly string[]): string =>
  `${results.map(({ names, rows }: Result & { names?: readonly string[] }) => JSON.stringify([names, rows])).join(' ')} ${heard.join(' ')}`;

const toResult = (result: QueryArrayResult<unknown[]>): Result & { names: string[] } => ({
  names: result.fields.map(({ name }) => name),
  rows: result.rows,
  affected: result.rowCount ?? 0,
});
