import type { Lease } from '../pool/lease.ts';
import type { PoolSink } from '../pool/submit-request.ts';
import type { Statement } from '../wire/backend.ts';
import { toParameter } from './parameters.ts';
import type { IsolationLevel, QueryResult } from './query-options.ts';
import { TypedResultSink } from './result-sink.ts';

/** A connection lent to one caller. Every call fails with PoolError `connection_released`, or the reason, once it was given or taken back. */
export interface PooledConnection extends AsyncDisposable {
  /** As `TenantPool.query`. Statements run in the order of the calls. */
  query<Row = Record<string, unknown>>(text: string, params?: readonly unknown[]): Promise<QueryResult<Row>>;
  /** The answer as bytes. What was ended by deadline, abort or removal fails with that PoolError. */
  execute(statement: Statement, sink: PoolSink): void;
  /** The types (OIDs) of a text's parameters: inside of a transaction also of what it has made itself. */
  describe(text: string): Promise<readonly number[]>;
  pause(): void;
  resume(): void;
  begin(isolation?: IsolationLevel): Promise<void>;
  /** Rejects with `transaction_rolled_back` when a statement of the transaction had failed. */
  commit(): Promise<void>;
  rollback(): Promise<void>;
  /** Idempotent. Outside of a transaction the connection is reset for the next caller, otherwise closed. */
  release(): void;
}

export class LeasedConnection implements PooledConnection {
  readonly #lease: Lease;

  constructor(lease: Lease) {
    this.#lease = lease;
  }

  query<Row = Record<string, unknown>>(text: string, params: readonly unknown[] = []): Promise<QueryResult<Row>> {
    return new Promise((resolve, reject) => {
      const statement = { text, params: params.map(toParameter), prepare: false };
      this.#lease.execute(statement, new TypedResultSink<Row>(resolve, reject));
    });
  }

  execute(statement: Statement, sink: PoolSink): void {
    this.#lease.execute(statement, sink);
  }

  describe(text: string): Promise<readonly number[]> {
    return this.#lease.describe(text);
  }

  pause(): void {
    this.#lease.use().pause();
  }

  resume(): void {
    this.#lease.use().resume();
  }

  async begin(isolation?: IsolationLevel): Promise<void> {
    await this.#command(isolation === undefined ? 'begin' : `begin isolation level ${isolation}`);
  }

  async commit(): Promise<void> {
    await this.#lease.commit();
  }

  async rollback(): Promise<void> {
    await this.#command('rollback');
  }

  release(): void {
    this.#lease.release();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.release();
    return Promise.resolve();
  }

  async #command(text: string): Promise<void> {
    await this.#lease.command(text);
  }
}
