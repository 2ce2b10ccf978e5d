import type { Decision } from './decision.ts';
import { EXPRESSIONS } from './expressions.ts';
import { STATEMENTS } from './statements.ts';

/** Decided on for each node of the grammar, one by one; a test compares with the grammar. */
export const DECISIONS: ReadonlyMap<string, Decision> = new Map([...STATEMENTS, ...EXPRESSIONS]);
