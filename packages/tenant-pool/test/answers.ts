import type { Field, PoolSink, SubmissionHandle, SubmitRequest, TenantPool } from '../src/index.ts';

export interface RawAnswer {
  readonly rows: (string | null)[][];
  readonly tag: string;
}

export interface Asked {
  readonly answer: Promise<RawAnswer>;
  readonly handle: SubmissionHandle;
  /** How often the sink was told an end: more than once is a fault. */
  readonly ends: () => number;
}

/** One statement through the raw lane, its answer as text. */
export function ask(pool: TenantPool, text: string, params: readonly string[] = [], options: Partial<SubmitRequest> = {}): Asked {
  const { promise, resolve, reject } = Promise.withResolvers<RawAnswer>();
  const rows: (string | null)[][] = [];
  let ends = 0;
  const sink: PoolSink = {
    columns(_fields: readonly Field[]) {},
    row(buffer, start, end) {
      rows.push(textsOf(buffer.subarray(start, end)));
    },
    restart() {
      rows.length = 0;
    },
    complete(tag) {
      ends++;
      resolve({ rows, tag });
    },
    failed(error) {
      ends++;
      reject(error);
    },
  };
  const request = { text, params, lane: 'shared', deadline: performance.now() + 20_000, repeatable: false, ...options } as const;
  const handle = pool.submit(request, sink);
  // Some tests look at an answer only later.
  promise.catch(() => {});
  return { answer: promise, handle, ends: () => ends };
}

function textsOf(row: Buffer): (string | null)[] {
  let at = 2;
  return Array.from({ length: row.readInt16BE(0) }, () => {
    const length = row.readInt32BE(at);
    at += 4;
    if (length < 0) return null;
    const text = row.toString('utf8', at, at + length);
    at += length;
    return text;
  });
}

/** Runs `work` so many times at once, each again and again until `done`. */
export async function crowd(size: number, done: () => boolean, work: (member: number) => Promise<unknown>): Promise<void> {
  const member = async (_: unknown, index: number): Promise<void> => {
    while (!done()) await work(index);
  };
  await Promise.all(Array.from({ length: size }, member));
}
