import { createAllowance, type Allowance } from './allowance.ts';
import { createLongTexts } from './long-texts.ts';
import { judgeText, loadParser } from './parser.ts';
import { createVerdictCache } from './cache.ts';
import type { StatementContext } from './rules.ts';
import { refusedEverywhere, type Verdict, verdictFor, type Verdicts } from './verdict.ts';

/** Parsed on the spot, as long as the tenant, and all together, have time left for it: 20 ms at worst, and too short to nest deeper than the parser's stack. */
const SHORT = 4096;

export interface StatementGuardOptions {
  /** Memory for verdicts of texts seen before; 32 MiB unless told otherwise. */
  readonly cacheBytes?: number;
  /** Longest statement in characters; 256 Ki unless told otherwise. */
  readonly maxLength?: number;
  readonly allowance?: Allowance;
}

export interface StatementGuard {
  /**
   * What a text of a tenant may do in this context. One look-up for a text that was seen before. A text that is new and longer than 4,096
   * characters is refused (`guard_busy`) until `prepare` has been waited for, and after it only when too many of them wait.
   */
  inspect(text: string, context: StatementContext, tenantId: string): Verdict;
  /**
   * Undefined when `inspect` can answer at once; otherwise resolves (never rejects) when it can. Long texts, those of a tenant that has
   * lately sent many that take long, and new ones when all tenants together have, are parsed on a thread of their own.
   */
  prepare(text: string, tenantId: string): Promise<void> | undefined;
  /** Ends the thread, if there is one. */
  close(): Promise<void>;
}

const BUSY = refusedEverywhere('guard_busy', 'Too many long statements at once. Give long values as params, or send it again.');
const FAILED = refusedEverywhere('too_complex', 'The statement is nested too deeply, or has too many parts, to be looked at.');

/**
 * Decides by Postgres's own grammar what a text may do, before Postgres sees it. Whatever is not known is refused, or run on a connection of
 * its own. Sound for sessions with `standard_conforming_strings` on and a `search_path` without a schema that the tenant may create in.
 */
export async function createStatementGuard({
  cacheBytes = 32 * 1024 * 1024,
  maxLength = 256 * 1024,
  allowance = createAllowance(),
}: StatementGuardOptions = {}): Promise<StatementGuard> {
  await loadParser();
  const cache = createVerdictCache(cacheBytes);
  const longTexts = createLongTexts();
  /** Set when the parser on this thread failed: its memory is in doubt from then on. */
  let broken = false;

  const refusalOfText = (text: string): Verdicts | undefined => {
    if (text.length > maxLength) {
      return refusedEverywhere('text_too_long', `A statement has ${maxLength} characters at most. Give long values as params.`);
    }
    const nul = text.indexOf('\0');
    if (nul >= 0)
      return refusedEverywhere('nul_character', 'The text has a NUL character, which Postgres knows nowhere in SQL.', nul + 1);
    // Half a surrogate pair is no character: parser and server could read the rest differently.
    return text.isWellFormed() ? undefined : refusedEverywhere('ill_formed_text', 'The text is not well-formed Unicode.');
  };

  const judgeNow = (text: string): Verdicts => {
    if (broken) return BUSY;
    try {
      return judgeText(text);
    } catch (error) {
      // Out of stack, or a trap of the WebAssembly module, leaves the parser in the middle of its work.
      broken = error instanceof RangeError || (error instanceof Error && error.name === 'RuntimeError');
      return FAILED;
    }
  };

  return {
    inspect(text, context, tenantId) {
      const known = cache.get(text);
      if (known !== undefined) return verdictFor(known, context);
      const refusal = refusalOfText(text);
      if (refusal !== undefined) return verdictFor(refusal, context);
      if (text.length > SHORT || allowance.isOverdrawn(tenantId)) return verdictFor(BUSY, context);
      const began = performance.now();
      const verdicts = judgeNow(text);
      allowance.spend(tenantId, performance.now() - began);
      if (verdicts !== BUSY) cache.set(text, verdicts);
      return verdictFor(verdicts, context);
    },
    prepare(text, tenantId) {
      if (cache.get(text) !== undefined || text.length > maxLength) return undefined;
      if (text.length <= SHORT && !broken && allowance.has(tenantId)) return undefined;
      if (refusalOfText(text) !== undefined) return undefined;
      return longTexts.judge(text, tenantId).then((verdicts) => {
        if (verdicts !== undefined) cache.set(text, verdicts);
      });
    },
    close: () => longTexts.close(),
  };
}
