import type { Principal, ProblemError } from '@ultracore/service';

/** One request, free of how it came. */
export interface Call<Body> {
  readonly principal: Principal;
  /** `X-UltraCore-Tenant-Id` as it came. */
  readonly tenantHeader: string | undefined;
  /** Checked against its schema. */
  readonly body: Body;
  /** Length of the body as it came. */
  readonly bodyBytes: number;
  readonly requestId: string;
}

/** Where the answer to a call goes: exactly one of the two is called, once. */
export interface Answer {
  /** JSON. The bytes are only valid during the call. `sent`: to be called once, when no copy of them is held in memory any more. */
  completed(body: Uint8Array, sent?: () => void): void;
  failed(problem: ProblemError): void;
}

/** Where a streamed answer goes: `failed` alone, or chunks and then `end`. */
export interface StreamAnswer {
  /**
   * Whole lines of NDJSON, the receiver's own. Answers false when it holds more of them than a little: it has enough until it calls `resume` of
   * the run.
   */
  write(chunk: Buffer): boolean;
  /** `taken`: to be called once, when nothing of it is held in memory any more. */
  end(taken?: () => void): void;
  /** Only before the first chunk; a later failure is the last line. */
  failed(problem: ProblemError): void;
}

/** A call under way. */
export interface Run {
  /** Ends it: what runs for it is cancelled, and it is answered with this problem if it was not answered yet. */
  abort(problem: ProblemError): void;
  /** The caller has taken what there was, and takes more. Means nothing for an answer that is sent whole. */
  resume(): void;
}
