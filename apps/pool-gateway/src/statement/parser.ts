import { hasSqlDetails, loadModule, parseSync } from 'libpg-query';
import { analyse } from './analyse.ts';
import { judge, refusedEverywhere, type Verdicts } from './verdict.ts';

/** Loads Postgres's parser, a WebAssembly module; `judgeText` works from then on. */
export async function loadParser(): Promise<void> {
  await loadModule();
}

/**
 * Parses a text with Postgres's own grammar and says what it may do. Takes about a microsecond a character.
 * Throws when the parser itself fails (out of stack or memory): it is not to be used again then.
 */
export function judgeText(text: string): Verdicts {
  if (text === '') return EMPTY;
  const parsed = parse(text);
  if ('verdicts' in parsed) return parsed.verdicts;
  const [first, ...rest] = parsed.statements;
  if (first === undefined) return EMPTY;
  if (rest.length > 0) {
    const detail = 'Send one statement a request, or all of them to POST /v1/transaction.';
    return refusedEverywhere('multiple_statements', detail, characterAt(text, rest[0]?.stmt_location ?? 0));
  }
  return judge(analyse(first.stmt), (byte) => characterAt(text, byte));
}

const EMPTY = refusedEverywhere('empty_statement', 'There is no statement in the text.');

type Parsed = { statements: readonly { stmt?: unknown; stmt_location?: number }[] } | { verdicts: Verdicts };

function parse(text: string): Parsed {
  try {
    return { statements: parseSync(text).stmts ?? [] };
  } catch (error) {
    if (!hasSqlDetails(error)) throw error;
    const position = error.sqlDetails?.cursorPosition ?? 0;
    return { verdicts: refusedEverywhere('syntax_error', error.message, position + 1) };
  }
}

/** Offset in the UTF-8 text → character from 1, as Postgres counts. */
function characterAt(text: string, byte: number): number {
  let character = 1;
  for (const value of Buffer.from(text).subarray(0, byte)) if ((value & 0xc0) !== 0x80) character += 1;
  return character;
}
