import { describe, expect, it } from 'vitest';
import { StatementProfile, StatementProfiles } from '../src/scheduling/statement-profiles.ts';

const learnt = (...times: number[]): StatementProfile => {
  const profile = new StatementProfile();
  for (const ms of times) profile.learn(ms);
  return profile;
};

describe('what is learnt of a statement’s speed', () => {
  it('is nothing before it has run: it does not count as short', () => {
    expect(learnt().isShort).toBe(false);
  });

  it('is known after one run', () => {
    expect(learnt(1).isShort).toBe(true);
    expect(learnt(80).isShort).toBe(false);
  });

  it('does not take a delay of this process for the statement’s, but wants to see that more than once', () => {
    const profile = new StatementProfile();
    profile.learn(30, 28);
    expect([profile.known, profile.isShort]).toEqual([false, false]);
    profile.learn(30, 28);
    profile.learn(30, 28);
    expect(profile.isShort).toBe(true);
    const slow = new StatementProfile();
    slow.learn(80, 28);
    expect([slow.known, slow.isShort]).toEqual([true, false]);
  });

  it('forgives a single outlier, and takes several for what they are', () => {
    expect(learnt(1, 1, 30).isShort).toBe(true);
    expect(learnt(1, 1, 30, 30, 30).isShort).toBe(false);
  });

  it('comes back to short soon after a bad spell', () => {
    expect(learnt(30, 30, 30, 1, 1, 1).isShort).toBe(true);
  });
});

describe('the profiles of a pool', () => {
  it('keep what is used, and forget what is not, within a bound', () => {
    const profiles = new StatementProfiles();
    const used = profiles.of('used');
    for (let n = 0; n < 10_000; n++) {
      profiles.of(`once ${n}`);
      if (n % 100 === 0) profiles.of('used');
    }
    expect(profiles.of('used')).toBe(used);
    expect(profiles.size).toBeLessThanOrEqual(512);
  });

  it('do not keep texts that are long, and few of those that are not short', () => {
    const profiles = new StatementProfiles();
    expect(profiles.of('x'.repeat(8_193))).toBeUndefined();
    for (let n = 0; n < 1_000; n++) profiles.of(`${n}`.padEnd(8_000));
    expect(profiles.size).toBeLessThan(100);
  });
});
