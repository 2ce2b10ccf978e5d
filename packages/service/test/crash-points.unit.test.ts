import { describe, expect, it } from 'vitest';
import { createCrashPoints } from '../src/index.ts';

describe('createCrashPoints', () => {
  it('does nothing at any boundary but the named one', () => {
    const onBoundary = createCrashPoints('home:after', { production: false });
    expect(() => onBoundary('home:before')).not.toThrow();
    expect(() => createCrashPoints(undefined, { production: true })('home:after')).not.toThrow();
  });

  it('is refused in production', () => {
    expect(() => createCrashPoints('home:after', { production: true })).toThrow('ULTRACORE_CRASH_AT is for tests');
  });
});
