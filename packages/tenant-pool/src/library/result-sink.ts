import type { PoolError } from '../errors.ts';
import type { PoolSink } from '../pool/submit-request.ts';
import type { Field } from '../wire/backend.ts';
import type { WireError } from '../wire/errors.ts';
import type { QueryResult } from './query-options.ts';
import { rowReader } from './rows.ts';

/** Collects one answer as typed rows. */
export class TypedResultSink<Row> implements PoolSink {
  readonly #resolve: (result: QueryResult<Row>) => void;
  readonly #reject: (error: unknown) => void;
  #rows: Row[] = [];
  #fields: readonly Field[] = [];
  #read: ReturnType<typeof rowReader> | undefined = undefined;
  #unreadable: unknown = undefined;

  constructor(resolve: (result: QueryResult<Row>) => void, reject: (error: unknown) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  columns(fields: readonly Field[]): void {
    this.#fields = fields;
    this.#read = rowReader(fields);
  }

  row(buffer: Buffer, start: number): void {
    try {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the caller says what its statement returns
      this.#rows.push(this.#read?.(buffer, start) as Row);
    } catch (error) {
      this.#unreadable ??= error;
    }
  }

  restart(): void {
    this.#rows = [];
    this.#unreadable = undefined;
  }

  complete(commandTag: string): void {
    if (this.#unreadable !== undefined) return this.#reject(this.#unreadable);
    const words = commandTag.split(' ');
    const count = Number(words.at(-1));
    this.#resolve({
      rows: this.#rows,
      rowCount: Number.isNaN(count) ? 0 : count,
      fields: this.#fields,
      command: words[0] ?? '',
    });
  }

  failed(error: PoolError | WireError): void {
    this.#reject(error);
  }
}
