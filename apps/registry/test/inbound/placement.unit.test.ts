import { describe, expect, test } from 'vitest';
import { choosePlacement } from '../../src/inbound/placement.ts';

const servers = [
  { name: 'a', host: 'pg-a', port: 5432, connectionBudget: 100, standbys: [] },
  { name: 'b', host: 'pg-b', port: 5432, connectionBudget: 300, standbys: [] },
];
const ids = Array.from({ length: 4_000 }, (_, n) => `tenant-${n}`);

describe('choosePlacement', () => {
  test('fills servers in proportion to their budgets', () => {
    const onB = ids.filter((id) => choosePlacement(servers, id).name === 'b').length;
    expect(onB / ids.length).toBeGreaterThan(0.72);
    expect(onB / ids.length).toBeLessThan(0.78);
  });

  test('gives the same id the same answer, whatever the order of the list; a further server only takes some', () => {
    const third = { name: 'c', host: 'pg-c', port: 5432, connectionBudget: 100, standbys: [] };
    const moved = ids.filter((id) => {
      const before = choosePlacement(servers, id).name;
      expect(choosePlacement(servers.toReversed(), id).name).toBe(before);
      const after = choosePlacement([...servers, third], id).name;
      return after !== before && after !== 'c';
    });
    expect(moved).toEqual([]);
  });
});
