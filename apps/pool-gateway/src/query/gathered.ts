import type { ProblemError } from '@ultracore/service';
import type { Field } from '@ultracore/tenant-pool';
import type { ByteBuffer } from '../result/byte-buffer.ts';
import { SMALL_ROW } from '../result/encoder.ts';
import { MemoryClaim, type MemoryBudget } from './budget.ts';
import { discarded, gatewayBusy, toProblemError, tooLarge, tooManyRows } from './problems.ts';
import { ResultWriter, type RowMode } from './result-writer.ts';

export interface GatherLimits {
  readonly maxResultBytes: number;
  readonly maxResultRows: number;
}

export interface GatherOptions {
  /** Whose answer it is. */
  readonly tenantId: string;
  readonly rowMode: RowMode;
  /** What the caller asked for, if it did. */
  readonly maxRows: number | undefined;
  readonly limits: GatherLimits;
}

/** Where the results come from. An object and not a function, for the reason that `Asker` of the hot path gives. */
export interface Supplier {
  /** No more is wanted. */
  stop(): void;
}

/** The results of one answer, gathered in memory within its bounds. What goes beyond a bound ends the answer with a problem. */
export class Gathering {
  /** Why the answer is given up; the rest of what comes is thrown away. */
  problem: ProblemError | undefined;
  /** Called when it is given up: what comes is not wanted. */
  supplier: Supplier | undefined;
  readonly out: ByteBuffer;
  readonly #claim: MemoryClaim;
  readonly #options: GatherOptions;
  #writer: ResultWriter;
  #rowsBefore = 0;

  constructor(out: ByteBuffer, budget: MemoryBudget, options: GatherOptions) {
    this.out = out;
    this.#claim = new MemoryClaim(budget, options.tenantId);
    this.#options = options;
    this.#writer = new ResultWriter(out, options.rowMode);
  }

  /** Of all results so far. */
  get rows(): number {
    return this.#rowsBefore + this.#writer.rows;
  }

  /** The next result, after this one. */
  next(): void {
    this.#rowsBefore = this.rows;
    this.#writer = new ResultWriter(this.out, this.#options.rowMode);
  }

  columns(fields: readonly Field[]): void {
    try {
      this.#writer.columns(fields);
    } catch (error) {
      this.giveUp(toProblemError(error, { reads: true }));
    }
  }

  row(buffer: Buffer, start: number, end: number): void {
    if (this.problem !== undefined) return;
    const { maxRows, limits } = this.#options;
    const rows = this.rows + 1;
    if (maxRows !== undefined && rows > maxRows) return this.giveUp(tooManyRows(maxRows));
    if (rows > limits.maxResultRows) return this.giveUp(tooLarge(`${limits.maxResultRows} rows`));
    // A long row is written only if there is room for it; a short one is beyond the bound at most by itself.
    if (end - start > SMALL_ROW && !this.#covers(this.out.length + this.#writer.mostBytes(buffer, start, end))) return;
    this.#writer.row(buffer, start, end);
    this.#covers(this.out.length);
  }

  #covers(bytes: number): boolean {
    const { maxResultBytes } = this.#options.limits;
    if (bytes > maxResultBytes) this.giveUp(tooLarge(`${maxResultBytes} bytes`));
    else if (!this.#claim.covers(bytes)) this.giveUp(gatewayBusy());
    return this.problem === undefined;
  }

  /** Ends this result. `reads`: it changed nothing, so it does not matter that its result is thrown away. */
  complete(tag: string, { reads }: { reads: boolean }): void {
    if (this.problem === undefined) this.#writer.complete(tag);
    else if (!reads) this.problem = discarded(this.problem);
  }

  /** Whether it has taken of the memory that all answers share, to be released. */
  get isClaimed(): boolean {
    return this.#claim.isTaken;
  }

  release(): void {
    this.#claim.release();
  }

  /** The first reason counts. */
  giveUp(problem: ProblemError): void {
    if (this.problem !== undefined) return;
    this.problem = problem;
    this.supplier?.stop();
  }
}
