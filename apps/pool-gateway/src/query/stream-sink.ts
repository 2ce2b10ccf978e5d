import { toProblem, type ProblemError } from '@ultracore/service';
import type { Field, PoolSink, StreamControl, SubmissionHandle } from '@ultracore/tenant-pool';
import { createByteBuffer } from '../result/byte-buffer.ts';
import { columnsMetadata, createRowEncoder, SMALL_ROW, type RowEncoder } from '../result/encoder.ts';
import type { MemoryClaim } from './budget.ts';
import type { Run, StreamAnswer } from './call.ts';

import { discarded, gatewayBusy, outcomeUnknown, rowTooLarge, toProblemError, tooManyRows } from './problems.ts';
import { readTag, type RowMode } from './result-writer.ts';

export interface StreamOptions {
  readonly requestId: string;
  readonly rowMode: RowMode;
  readonly maxRows: number | undefined;
  /** As JSON. */
  readonly maxRowBytes: number;
  /** Of the memory for answers: what long rows take until the caller has read them. */
  readonly claim: MemoryClaim;
  readonly reads: boolean;
  readonly end: (problem: ProblemError | undefined) => void;
}

const NEWLINE = 0x0a;
/** Rows are handed on in pieces of about this size, or when the connection has brought no more for this turn of the loop. */
const CHUNK_BYTES = 32 * 1024;
/** A buffer that has grown beyond this is handed on itself instead of a copy. */
const LARGE_BYTES = 256 * 1024;

/**
 * Hands rows on as lines, as they come: a line with the columns, one a row, and a last one that says how it ended. Holds no more of a result than
 * a chunk, and what the connection had brought already when the caller had enough.
 */
export class StreamSink implements PoolSink, Run {
  rows = 0;
  bytes = 0;
  readonly #answer: StreamAnswer;
  readonly #options: StreamOptions;
  #out = createByteBuffer();
  /** Bytes handed on that the caller may not have taken yet. */
  #unread = 0;
  #encoder: RowEncoder | undefined;
  #control: StreamControl | undefined;
  #begun = false;
  #paused = false;
  #flushing: NodeJS.Immediate | undefined;
  #problem: ProblemError | undefined;
  #ended = false;
  #handle: SubmissionHandle | undefined;

  constructor(answer: StreamAnswer, options: StreamOptions) {
    this.#answer = answer;
    this.#options = options;
  }

  /** Submits the statement, unless the caller has gone in the meantime. */
  follow(submit: () => SubmissionHandle): void {
    if (!this.#ended) this.#handle = submit();
  }

  started(control: StreamControl): void {
    this.#control = control;
  }

  columns(fields: readonly Field[]): void {
    try {
      this.#encoder = createRowEncoder(fields, { rowMode: this.#options.rowMode });
    } catch (error) {
      return this.#giveUp(toProblemError(error, { reads: true }));
    }
    this.#out.ascii('{"columns":');
    this.#out.bytes(columnsMetadata(fields));
    this.#out.ascii('}\n');
    this.#flushSoon();
  }

  row(buffer: Buffer, start: number, end: number): void {
    if (this.#problem !== undefined || this.#encoder === undefined) return;
    const { maxRows, maxRowBytes, claim } = this.#options;
    if (maxRows !== undefined && this.rows >= maxRows) return this.#giveUp(tooManyRows(maxRows));
    if (end - start > SMALL_ROW) {
      const most = this.#encoder.mostBytes(buffer, start, end);
      if (most > maxRowBytes) return this.#giveUp(rowTooLarge(maxRowBytes));
      if (!claim.covers(this.#unread + this.#out.length + most)) return this.#giveUp(gatewayBusy());
    }
    this.rows += 1;
    this.#encoder.encode(this.#out, buffer, start, end);
    this.#out.byte(NEWLINE);
    if (this.#out.length >= CHUNK_BYTES) this.#flush();
    else this.#flushSoon();
  }

  complete(tag: string): void {
    if (this.#ended) return;
    if (this.#problem !== undefined) {
      if (!this.#options.reads) this.#problem = discarded(this.#problem);
      return this.failed(this.#problem);
    }
    const { command, rows } = readTag(tag);
    if (this.#encoder === undefined) this.#out.ascii('{"columns":[]}\n');
    const count = this.#encoder === undefined ? (rows ?? 0) : this.rows;
    this.#out.ascii(`${JSON.stringify({ row_count: count, command })}\n`);
    this.#finish(undefined);
  }

  failed(error: unknown): void {
    if (this.#ended) return;
    const problem = this.#problem ?? toProblemError(error, { reads: this.#options.reads });
    if (!this.#begun && this.#out.length === 0) {
      this.#ended = true;
      this.#options.end(problem);
      return this.#answer.failed(problem);
    }
    this.#out.bytes(Buffer.from(`${JSON.stringify({ error: toProblem(problem, this.#options.requestId) })}\n`));
    this.#finish(problem);
  }

  resume(): void {
    this.#wasTaken();
    this.#goOn();
  }

  abort(problem: ProblemError): void {
    if (this.#ended) return;
    this.#giveUp(this.#options.reads || this.#handle === undefined ? problem : outcomeUnknown(problem));
    if (this.#handle === undefined) this.failed(problem);
    else this.#handle.abort();
  }

  /** The rest of the result is not wanted. What a change has led to is known only at its end. */
  #giveUp(problem: ProblemError): void {
    if (this.#problem !== undefined) return;
    this.#problem = problem;
    this.#goOn();
    if (this.#options.reads) this.#handle?.abort();
  }

  #goOn(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#control?.resume();
  }

  #wasTaken(): void {
    this.#unread = 0;
    this.#options.claim.release();
  }

  #finish(problem: ProblemError | undefined): void {
    this.#ended = true;
    this.#flush();
    this.#options.end(problem);
    this.#answer.end(() => this.#options.claim.release());
  }

  #flushSoon(): void {
    this.#flushing ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    clearImmediate(this.#flushing);
    this.#flushing = undefined;
    if (this.#out.length === 0) return;
    this.#begun = true;
    const chunk = this.#take();
    this.bytes += chunk.length;
    this.#unread += chunk.length;
    if (this.#answer.write(chunk)) return this.#wasTaken();
    if (this.#paused || this.#ended) return;
    this.#paused = true;
    this.#control?.pause();
  }
  #take(): Buffer {
    const written = this.#out.view();
    if (this.#out.capacity > LARGE_BYTES) {
      this.#out = createByteBuffer();
      return written;
    }
    const chunk = Buffer.from(written);
    this.#out.reset();
    return chunk;
  }
}
