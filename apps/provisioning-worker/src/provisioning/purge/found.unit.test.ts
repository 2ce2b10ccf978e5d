import { expect, it } from 'vitest';
import { foundByAll, type FoundObject } from './found.ts';

const rows = (name: string, count: number): FoundObject => ({ kind: 'rows', name, counted: { rows: count } });
const role = (name: string): FoundObject => ({ kind: 'role', name, counted: {} });

it('one attempt has removed what it found', () => {
  expect(foundByAll([[rows('clients', 3), role('uc_a')]])).toEqual([rows('clients', 3), role('uc_a')]);
});

it('several have removed what any found, each once, at its fullest', () => {
  const first = [rows('clients', 100), role('uc_a'), role('uc_a__ro')];
  const second = [rows('clients', 40), rows('accounts', 2), role('uc_a')];
  const all = [rows('clients', 100), role('uc_a'), role('uc_a__ro'), rows('accounts', 2)];
  expect(foundByAll([first, second])).toEqual(all);
  expect(foundByAll([all, []])).toEqual(all);
});

it('a role and a database of one name are two things', () => {
  expect(foundByAll([[role('a')], [{ kind: 'database', name: 'a', counted: { tables: 1 } }]])).toHaveLength(2);
});
