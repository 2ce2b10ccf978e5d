import type { ProblemError } from '@ultracore/service';
import type { TenantPool } from '@ultracore/tenant-pool';
import { authorize } from '../access/authorize.ts';
import type { Meter } from '../metering/usage.ts';
import type { Outcomes, RequestKind } from '../metrics.ts';
import { createByteBuffers } from '../result/byte-buffer.ts';
import type { AllowedStatement } from '../statement/verdict.ts';
import { admit, prepare, type AdmissionDeps, type Admitted, type Wanted } from './admission.ts';
import { bindParameters } from './bind.ts';
import { MemoryClaim, type MemoryBudget } from './budget.ts';
import type { Answer, Call, Run, StreamAnswer } from './call.ts';
import { DeferredRun } from './deferred-run.ts';
import { Gathering, type GatherLimits } from './gathered.ts';
import { bytesHeldBy } from './held-body.ts';
import { bodiesBusy, toProblemError } from './problems.ts';
import { QueryRun } from './query-run.ts';
import type { QueryBody, TransactionBody } from './request.ts';
import type { RowMode } from './result-writer.ts';
import { runTransaction } from './run-transaction.ts';
import { StreamSink } from './stream-sink.ts';

export interface QueryService {
  /** One statement; its result as one JSON text. */
  query(call: Call<QueryBody>, answer: Answer): Run;
  /** One statement; its rows as they come, as lines of NDJSON. */
  stream(call: Call<QueryBody>, answer: StreamAnswer): Run;
  /** All statements or none; their results as one JSON text. */
  transaction(call: Call<TransactionBody>, answer: Answer): Run;
}

export interface QueryServiceDeps extends AdmissionDeps {
  readonly limits: AdmissionDeps['limits'] & GatherLimits;
  readonly memory: MemoryBudget;
  readonly meter: Meter;
  readonly outcomes: Outcomes;
}

/** What a request came to, for the books. */
interface Done {
  readonly statements: number;
  readonly rows: number;
  readonly bytes: number;
}

interface Refusing {
  failed(problem: ProblemError): void;
}

type Begun = Admitted & {
  /** Closes the books on the call. */
  readonly end: (problem: ProblemError | undefined, done: Done) => void;
};

const REFUSED: Done = { statements: 1, rows: 0, bytes: 0 };
const THROTTLED: ReadonlySet<string> = new Set(['queue_full', 'queue_timeout', 'gateway_busy', 'too_many_connections']);
/** A call that was answered at once. */
const OVER: Run = { abort: () => {}, resume: () => {} };

/**
 * Runs callers' SQL: who may, what may be run, where, within which bounds; and keeps the books. Knows nothing of HTTP. A call is answered
 * exactly once, whatever happens, and never by a throw.
 */
export function createQueryService(deps: QueryServiceDeps): QueryService {
  const { limits, memory, meter, outcomes } = deps;
  const buffers = createByteBuffers();

  /** Takes of the memory for all what a long body holds until the call has ended. Answers how much; throws a `ProblemError`. */
  const hold = (tenantId: string, { body, bodyBytes }: Call<unknown>): number => {
    const bytes = bytesHeldBy(body, bodyBytes);
    if (bytes > 0 && !memory.take(tenantId, bytes)) throw bodiesBusy();
    return bytes;
  };

  /**
   * Admits the call and goes on with it, or answers it; a long statement is looked at later. What somebody does who has no right to the tenant
   * is not put on the tenant's bill.
   */
  const begin = (kind: RequestKind, call: Call<unknown>, wanted: Wanted, answer: Refusing, go: (admitted: Begun) => Run): Run => {
    const began = performance.now();
    let tenantId: string | undefined;
    let held = 0;
    const end = (problem: ProblemError | undefined, { statements, rows, bytes }: Done): void => {
      outcomes.observe(kind, problem?.code ?? 'ok', (performance.now() - began) / 1000);
      if (tenantId === undefined) return;
      if (held > 0) memory.giveBack(tenantId, held);
      // Those of the window in which it ends.
      const usage = meter.of(tenantId);
      usage.statements += statements;
      usage.rows += rows;
      usage.bytesIn += call.bodyBytes;
      usage.bytesOut += bytes;
      if (problem === undefined) return;
      usage.errors += 1;
      if (THROTTLED.has(problem.code)) usage.throttled += 1;
    };
    const enter = (isPrepared: boolean): Run => {
      let admitted: Admitted;
      try {
        const access = authorize(call, deps.directory);
        ({ tenantId } = access.tenant);
        if (!isPrepared) held = hold(tenantId, call);
        const pending = isPrepared
          ? undefined
          : prepare(wanted.texts, deps.guard, tenantId, began + (wanted.timeoutMs ?? limits.timeoutMs));
        if (pending !== undefined) return later(pending);
        admitted = admit(access, wanted, began, deps);
      } catch (error) {
        const problem = toProblemError(error, { reads: true });
        end(problem, REFUSED);
        answer.failed(problem);
        return OVER;
      }
      return go({ ...admitted, end });
    };
    const later = (pending: Promise<unknown>): Run => {
      const deferred = new DeferredRun();
      void pending.then(() => deferred.begin(() => enter(true)));
      return deferred;
    };
    return enter(false);
  };

  const gather = (body: { row_mode?: RowMode | undefined; max_rows?: number | undefined }, { tenantId }: TenantPool): Gathering =>
    new Gathering(buffers.take(), memory, { tenantId, rowMode: body.row_mode ?? 'object', maxRows: body.max_rows, limits });

  /** Hands the answer over, then takes its memory back; a large answer counts until its caller has read it. */
  const hand = (gathering: Gathering, answer: Answer, problem: ProblemError | undefined): void => {
    if (problem !== undefined) {
      gathering.release();
      answer.failed(problem);
    } else if (gathering.isClaimed) answer.completed(gathering.out.view(), () => gathering.release());
    else answer.completed(gathering.out.view());
    buffers.giveBack(gathering.out);
  };

  const doneBy = ({ rows, out }: Gathering, statements: number, problem: ProblemError | undefined): Done => ({
    statements,
    rows,
    bytes: problem === undefined ? out.length : 0,
  });

  return {
    query(call, answer) {
      const { sql, params } = call.body;
      return begin('query', call, wantedOf(call.body), answer, ({ pool, deadline, verdicts, end }) => {
        const { lane, reads, repeatable } = onlyOf(verdicts);
        const gathering = gather(call.body, pool);
        const finish = (problem: ProblemError | undefined): void => {
          end(problem, doneBy(gathering, 1, problem));
          hand(gathering, answer, problem);
        };
        return new QueryRun({ pool, sql, params, lane, deadline, reads, repeatable, gathering, end: finish }).start();
      });
    },

    stream(call, answer) {
      const { sql: text, row_mode: rowMode = 'object', max_rows: maxRows } = call.body;
      return begin('stream', call, wantedOf(call.body), answer, ({ pool, deadline, verdicts, end }) => {
        const { reads } = onlyOf(verdicts);
        const finish = (problem: ProblemError | undefined): void =>
          end(problem, { statements: 1, rows: sink.rows, bytes: sink.bytes });
        const sink: StreamSink = new StreamSink(answer, {
          requestId: call.requestId,
          rowMode,
          maxRows,
          maxRowBytes: limits.maxResultBytes,
          claim: new MemoryClaim(memory, pool.tenantId),
          reads,
          end: finish,
        });
        bindParameters(
          pool,
          { sql: text, params: call.body.params, deadline },
          (params) => sink.follow(() => pool.submit({ text, params, lane: 'own', deadline, repeatable: false }, sink)),
          (error) => sink.failed(error),
        );
        return sink;
      });
    },

    transaction(call, answer) {
      const { statements, isolation, readonly, timeout_ms: timeoutMs } = call.body;
      const wanted = { texts: statements.map(({ sql }) => sql), inTransaction: true, readonly, timeoutMs };
      return begin('transaction', call, wanted, answer, ({ pool, deadline, end }) => {
        const gathering = gather(call.body, pool);
        const abort = new AbortController();
        gathering.supplier = { stop: () => abort.abort() };
        void runTransaction({ pool, statements, isolation, gathering, deadline, signal: abort.signal }).then((problem) => {
          end(problem, doneBy(gathering, statements.length, problem));
          hand(gathering, answer, problem);
        });
        return { abort: (problem) => gathering.giveUp(problem), resume: () => {} };
      });
    },
  };
}

const wantedOf = (body: QueryBody): Wanted => ({
  texts: [body.sql],
  inTransaction: false,
  readonly: body.readonly,
  timeoutMs: body.timeout_ms,
});

/** The verdict of a call of one statement. */
function onlyOf([verdict]: readonly AllowedStatement[]): AllowedStatement {
  if (verdict === undefined) throw new TypeError('A call of one statement has one verdict.');
  return verdict;
}
