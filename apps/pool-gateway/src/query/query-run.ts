import type { ProblemError } from '@ultracore/service';
import type { Field, PoolError, PoolSink, SubmissionHandle, TenantPool, WireError } from '@ultracore/tenant-pool';
import { bindParameters } from './bind.ts';
import type { Run } from './call.ts';
import type { Gathering, Supplier } from './gathered.ts';
import { outcomeUnknown, toProblemError } from './problems.ts';

export interface QueryRunOptions {
  readonly pool: TenantPool;
  readonly sql: string;
  readonly params: readonly unknown[] | undefined;
  readonly lane: 'shared' | 'own';
  readonly deadline: number;
  readonly reads: boolean;
  readonly repeatable: boolean;
  readonly gathering: Gathering;
  /** Called once, at the end. */
  readonly end: (problem: ProblemError | undefined) => void;
}

/** One statement, from its parameters to its gathered result. */
export class QueryRun implements PoolSink, Run, Supplier {
  readonly #options: QueryRunOptions;
  #handle: SubmissionHandle | undefined;
  #ended = false;

  constructor(options: QueryRunOptions) {
    this.#options = options;
    // What a change has led to is known only at its end.
    if (options.reads) options.gathering.supplier = this;
  }

  start(): this {
    const { pool, sql, params, lane, deadline, repeatable } = this.#options;
    bindParameters(
      pool,
      { sql, params, deadline },
      (values) => {
        if (this.#ended) return;
        this.#handle = pool.submit({ text: sql, params: values, lane, deadline, repeatable }, this);
      },
      (error) => this.#fail(error),
    );
    return this;
  }

  abort(problem: ProblemError): void {
    const { gathering, reads } = this.#options;
    gathering.giveUp(reads || this.#handle === undefined ? problem : outcomeUnknown(problem));
    if (this.#handle === undefined) this.#end(problem);
    else this.#handle.abort();
  }

  /** Its result is not wanted any more. */
  stop(): void {
    this.#handle?.abort();
  }

  resume(): void {
    // It takes all there is.
  }

  columns(fields: readonly Field[]): void {
    this.#options.gathering.columns(fields);
  }

  row(buffer: Buffer, start: number, end: number): void {
    this.#options.gathering.row(buffer, start, end);
  }

  complete(tag: string): void {
    const { gathering, reads } = this.#options;
    gathering.complete(tag, { reads });
    this.#end(gathering.problem);
  }

  failed(error: PoolError | WireError): void {
    this.#fail(error);
  }

  #fail(error: unknown): void {
    const { gathering, reads } = this.#options;
    this.#end(gathering.problem ?? toProblemError(error, { reads }));
  }

  #end(problem: ProblemError | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.end(problem);
  }
}
