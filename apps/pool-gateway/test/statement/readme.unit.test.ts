import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TIERS } from '@ultracore/contracts';
import { describe, expect, it } from 'vitest';
import { RULES } from '../../src/statement/rules.ts';

describe('the README', () => {
  it('names every rule by which a statement can be refused', async () => {
    const readme = await readFile(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');
    const places = TIERS.flatMap((tier) => [true, false].map((inTransaction) => ({ tier, inTransaction })));
    const refusing = Object.entries(RULES).filter(([, { effect }]) => places.some((place) => effect(place) === 'refuse'));
    expect(refusing.map(([name]) => name).filter((name) => !readme.includes(`\`${name}\``))).toEqual([]);
    expect(refusing.filter(([, { detail }]) => detail === '')).toEqual([]);
  });
});
