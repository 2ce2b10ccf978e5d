import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { GRAMMAR_FILE, grammarText, installedGrammar } from '../../scripts/grammar.ts';
import { DECISIONS } from '../../src/statement/decisions.ts';
import { STATEMENTS } from '../../src/statement/statements.ts';
import { EXPRESSIONS } from '../../src/statement/expressions.ts';
import { analyse } from '../../src/statement/analyse.ts';

describe('the grammar', () => {
  it('is the installed parser’s: run scripts/generate-grammar.ts after an upgrade', async () => {
    expect(await readFile(GRAMMAR_FILE, 'utf8')).toBe(grammarText(await installedGrammar()));
  });

  it('has a decision for each of its nodes, and no decision is for anything else', async () => {
    expect([...DECISIONS.keys()].sort()).toEqual(Object.keys(await installedGrammar()).sort());
    expect(STATEMENTS.length + EXPRESSIONS.length).toBe(DECISIONS.size);
  });

  it('has a rule of its own for every statement but queries', () => {
    const plain = STATEMENTS.filter(([, decision]) => decision === 'plain').map(([type]) => type);
    expect(plain).toEqual(['SelectStmt', 'ReturnStmt', 'VariableShowStmt']);
  });
});

describe('what is not of the grammar', () => {
  const rulesOf = (tree: unknown): string[] => analyse(tree).findings.map(({ rule }) => rule);
  const select = (part: unknown): unknown => ({ SelectStmt: { targetList: [{ ResTarget: { val: part } }] } });

  it('is an unknown construct, wherever it stands', () => {
    expect(rulesOf(select({ A_Const: { ival: { ival: 1 } } }))).toEqual([]);
    expect(rulesOf({ NewStmt: {} })).toEqual(['unknown_construct']);
    expect(rulesOf(select({ NewExpr: {} }))).toEqual(['unknown_construct']);
    expect(rulesOf({ SelectStmt: { newClause: [] } })).toEqual([]);
    expect(rulesOf({ SelectStmt: { newClause: {} } })).toEqual(['unknown_construct']);
    expect(rulesOf({ SelectStmt: { newOption: true } })).toEqual(['unknown_construct']);
    expect(rulesOf({ SelectStmt: { op: { FuncCall: {} } } })).toEqual(['unknown_construct']);
    expect(rulesOf({ SelectStmt: { whereClause: 'text' } })).toEqual(['unknown_construct']);
    expect(rulesOf(select({ FuncExpr: {} }))).toEqual(['unknown_construct']);
    expect(rulesOf(select({ A_Const: {}, FuncCall: {} }))).toEqual(['unknown_construct']);
    expect(rulesOf({ toString: {} })).toEqual(['unknown_construct']);
    expect(rulesOf(JSON.parse('{"SelectStmt":{"__proto__":{"FuncCall":{}}}}'))).toEqual(['unknown_construct']);
    expect(rulesOf(undefined)).toEqual(['unknown_construct']);
    expect(rulesOf({})).toEqual(['unknown_construct']);
  });
});
