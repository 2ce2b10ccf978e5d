import type { ConnectionOptions } from 'node:tls';

import type { WireError } from './errors.ts';
import type { PasswordSource, ScramMemory } from './scram.ts';

export interface BackendOptions {
  /** A name or address; a path that starts with `/` is the directory of a Unix socket (`.s.PGSQL.<port>`). */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** For SCRAM-SHA-256, the only way of authentication that is spoken. Asked for when the login needs it, and not kept once that is done. */
  readonly password: PasswordSource;
  /** Of this user's logins with this password: the next one is spared the derivation of the keys. */
  readonly scramMemory?: ScramMemory | undefined;
  /** With it, TLS is asked for first, and a server that refuses it is refused. */
  readonly tls?: ConnectionOptions | undefined;
  readonly applicationName: string;
  /** Settings of the session, sent in the startup message, so that `DISCARD ALL` comes back to them. */
  readonly settings: Readonly<Record<string, string>>;
  /** From the first packet to the server being ready for statements; the password must be there within half of it. */
  readonly connectTimeoutMs: number;
  /** Prepared statements kept per connection, least recently used first to go; 200 unless told otherwise. */
  readonly maxStatements?: number | undefined;
  /** A longer row fails its statement with `message_too_large`, and is never held in memory; 64 MiB unless told otherwise. */
  readonly maxRowBytes?: number | undefined;
}

/** A column of a result. `tableOid` and `column` are 0 for what is not a table's column. */
export interface Field {
  readonly name: string;
  readonly typeOid: number;
  readonly typeModifier: number;
  readonly tableOid: number;
  readonly column: number;
}

/**
 * Where the answer to one statement goes. Nothing here may throw. Called in the async context of whoever opened the connection, not of the caller of
 * `execute`: what asks for a context (a tenant, a trace) must have been bound to the caller's before.
 */
export interface ResultSink {
  /** At most once, before the first row, and only when the statement returns rows. The same array for the same prepared statement of a connection. */
  columns(fields: readonly Field[]): void;
  /**
   * The body of one DataRow message at `[start, end)`: Int16 count, then per column Int32 length (-1 is null) and that many bytes.
   * `buffer` is only valid during the call.
   */
  row(buffer: Buffer, start: number, end: number): void;
  /** `SELECT 5`, `INSERT 0 1`, or '' for an empty statement. This or `failed` is called, exactly once, when the backend has done with the statement. */
  complete(commandTag: string): void;
  failed(error: WireError): void;
  /** A row is too long: the rows from it on are thrown away, and `failed` comes with this error when the backend has done with the statement. */
  refused?(error: WireError): void;
}

/** In text format, or, as a Buffer, in the type's binary format (for `bytea` that is the bytes themselves). */
export type ParameterValue = string | Buffer | null;

export interface Statement {
  readonly text: string;
  readonly params: readonly ParameterValue[];
  /** Prepared under a name and kept by its text, unless false: then it is parsed each time and leaves nothing behind. */
  readonly prepare?: boolean | undefined;
}

export interface Execution {
  /**
   * Whether its turn has come: everything sent before it has ended. Stays true afterwards. When the connection was lost without a word of the
   * server, also true for whatever had reached the socket, because then nobody knows.
   */
  readonly started: boolean;
  /** From now on rows are thrown away and the sink is not called any more. The statement itself goes on. */
  abandon(): void;
}

export interface StatementDescription {
  readonly parameterOids: readonly number[];
  /** Undefined for a statement that returns no rows. */
  readonly fields: readonly Field[] | undefined;
}

export type BackendState = 'ready' | 'closing' | 'closed';
/** Idle, in a transaction, or in one that has failed; as of the last ReadyForQuery. */
export type TransactionStatus = 'I' | 'T' | 'E';

/** One server connection, of one login, for ever. */
export interface Backend {
  readonly processId: number;
  readonly user: string;
  readonly state: BackendState;
  /** Statements handed over and not ended. */
  readonly inFlight: number;
  /** `performance.now()` when the turn of the oldest unfinished statement came; undefined when there is none. */
  readonly headSince: number | undefined;
  readonly transactionStatus: TransactionStatus;
  /**
   * Whether a setting that the server reports (TimeZone, DateStyle, client_encoding, application_name, session_authorization; from version 18
   * search_path too) is not what it was at the login: somebody has left something on the session.
   */
  readonly settingsAltered: boolean;
  /**
   * Sends one statement behind those in flight. Outside of a transaction it is a transaction of its own (its own Sync), so its failure touches no
   * neighbour. Never throws; every failure goes to the sink, and never before this call has returned. There is no back-pressure but `pause`.
   * A prepared statement whose plan the server has lost or outgrown (26000, 0A000) is prepared anew and run once more, outside of transactions; it
   * then comes behind those sent in the meantime.
   */
  execute(statement: Statement, sink: ResultSink): Execution;
  /** The types of a statement's parameters and its columns, without running it; kept by text. Rejects with a WireError. */
  describe(text: string): Promise<StatementDescription>;
  /** What `describe` or a run of the text has shown, without asking the server. */
  knownParameters(text: string): readonly number[] | undefined;
  /** One simple query whose rows are not wanted (`begin`, `commit`, `discard all`). Never for text of a tenant. Rejects with a WireError. */
  command(text: string): Promise<void>;
  /** Stops reading from the socket, so that the server stops sending. What has been read already, 64 KiB at most, still comes. */
  pause(): void;
  resume(): void;
  /**
   * Asks the server, on a connection of its own, to cancel what this one runs at that moment; resolves when the server has taken note, and also
   * when it cannot be reached. The backend must take no new work from before this call, and is to be closed afterwards.
   */
  cancel(): Promise<void>;
  /** Says goodbye to the server once what is in flight has ended. Idempotent. */
  close(): void;
  /** Drops the connection at once; what is in flight fails with `connection_lost`. */
  destroy(): void;
  /** Resolves when the connection has ended, with the reason unless it was `close` or `destroy`. After `close` the server has freed its slot by then. */
  readonly closed: Promise<WireError | undefined>;
}
