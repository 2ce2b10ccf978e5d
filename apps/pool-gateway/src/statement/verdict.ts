import { TIERS } from '@ultracore/contracts';
import type { Analysis, Finding } from './analyse.ts';
import { type Effect, RULES, type StatementContext } from './rules.ts';

export type Verdict = AllowedStatement | RefusedStatement;

export interface AllowedStatement {
  readonly allowed: true;
  /** `shared` only when the statement provably leaves the session as it found it. Always `own` in a transaction. */
  readonly lane: 'shared' | 'own';
  /** Neither writes nor locks, and calls nothing that might: it may be run any number of times, and on a replica. */
  readonly reads: boolean;
  /** Running it again after it failed or was lost changes nothing more than running it once. */
  readonly repeatable: boolean;
  /** 'select', 'insert', 'create_table_as', … */
  readonly kind: string;
}

export interface RefusedStatement {
  readonly allowed: false;
  /** Stable; `syntax_error` comes with SQLSTATE 42601's meaning and a position. */
  readonly code: string;
  /** One sentence for the caller: why, or what to do instead. */
  readonly detail: string;
  /** The character it begins at, from 1, counted as Postgres counts (code points). */
  readonly position?: number;
}

/** One verdict for each context. */
export type Verdicts = readonly Verdict[];

const CONTEXTS: readonly StatementContext[] = TIERS.flatMap((tier) => [
  { tier, inTransaction: false },
  { tier, inTransaction: true },
]);

/** The verdict for one context. */
export function verdictFor(verdicts: Verdicts, { tier, inTransaction }: StatementContext): Verdict {
  return verdicts[2 * TIERS.indexOf(tier) + (inTransaction ? 1 : 0)] ?? UNKNOWN_CONTEXT;
}

const UNKNOWN_CONTEXT: Verdict = { allowed: false, code: 'unknown_tier', detail: 'The tenant’s tier is not known.' };

/** The same refusal whatever the context. */
export function refusedEverywhere(code: string, detail: string, position?: number): Verdicts {
  const verdict: Verdict = position === undefined ? { allowed: false, code, detail } : { allowed: false, code, detail, position };
  return CONTEXTS.map(() => verdict);
}

/** What is refused whoever asks, and wherever. */
const REFUSED_EVERYWHERE: ReadonlySet<string> = new Set(
  Object.entries(RULES).flatMap(([name, { effect }]) =>
    CONTEXTS.every((context) => effect(context) === 'refuse') ? [name] : [],
  ),
);

/** What the findings of a statement mean in each context. A refusal that no other tier or place would lift is named before others. */
export function judge(analysis: Analysis, characterAt: (byte: number) => number): Verdicts {
  const weight = ({ rule }: Finding): number => (REFUSED_EVERYWHERE.has(rule) ? 0 : 1);
  const findings = [...analysis.findings].sort((a, b) => weight(a) - weight(b));
  return CONTEXTS.map((context) => judgeIn(context, { ...analysis, findings }, characterAt));
}

function judgeIn(context: StatementContext, analysis: Analysis, characterAt: (byte: number) => number): Verdict {
  let alone = false;
  for (const { rule, byte } of analysis.findings) {
    const effect: Effect = RULES[rule].effect(context);
    if (effect === 'own') alone = true;
    if (effect !== 'refuse') continue;
    const refusal: Verdict = { allowed: false, code: rule, detail: RULES[rule].detail };
    return byte === undefined ? refusal : { ...refusal, position: characterAt(byte) };
  }
  // What needs a connection of its own may do anything.
  const reads = analysis.reads && !alone;
  return {
    allowed: true,
    lane: alone || context.inTransaction ? 'own' : 'shared',
    reads,
    repeatable: reads,
    kind: analysis.kind,
  };
}
