import { describe, expect, it } from 'vitest';
import { STEP_BOUNDARIES, UNDO_BOUNDARIES } from './boundaries.ts';
import { STEPS, UNDO_STEPS } from './creation/steps.ts';

describe.each(['enterprise', 'standard', 'small'] as const)('the boundaries of a %s tenant', (tier) => {
  it('name every step before its effect, and each only once', () => {
    const names = STEP_BOUNDARIES[tier];
    for (const step of STEPS) expect(names).toContain(`${step}:before`);
    for (const step of UNDO_STEPS) expect(UNDO_BOUNDARIES[tier]).toContain(`${step}:before`);
    expect(new Set([...names, ...UNDO_BOUNDARIES[tier]]).size).toBe(names.length + UNDO_BOUNDARIES[tier].length);
  });

  it('have one after the acknowledgement of each fact', () => {
    const told = STEP_BOUNDARIES[tier].filter((name) => name.endsWith(':fact'));
    const home = tier === 'small' ? [] : ['home:fact'];
    expect(told).toEqual(['started:fact', 'credentials:fact', ...home, 'completed:fact']);
  });
});
