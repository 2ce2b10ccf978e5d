import { describe, expect, it } from 'vitest';
import { choosePreempted, type Occupied } from '../src/scheduling/preempt.ts';

const now = 100_000;
const RULES = { now, share: 2, longMs: 1_000, most: 2 };
const [many, few, one] = [{ name: 'many' }, { name: 'few' }, { name: 'one' }];

const connection = (tenant: object, held: number, ranMs: number, rest: Partial<Occupied> = {}): Occupied => ({
  tenant,
  held,
  inFlight: 1,
  headSince: now - ranMs,
  preempted: false,
  ...rest,
});

describe('what is cancelled for who waits', () => {
  it('is nothing while what is long leaves connections to what is short', () => {
    const two = [connection(many, 3, 9_000), connection(many, 3, 9_000)];
    expect(choosePreempted([...two, connection(many, 3, 999)], RULES)).toBeUndefined();
    expect(choosePreempted([...two, connection(many, 3, 9_000, { preempted: true })], RULES)).toBeUndefined();
    expect(choosePreempted([...two, connection(many, 3, 9_000, { inFlight: 0 })], RULES)).toBeUndefined();
  });

  it('is what has run for longest, of the tenant with the most that is long', () => {
    const longest = connection(many, 3, 5_000);
    const occupied = [connection(few, 9, 8_000), connection(many, 3, 4_000), longest, connection(one, 3, 9_000)];
    expect(choosePreempted(occupied, RULES)).toBe(longest);
  });

  it('is never of a tenant that has no more than its share', () => {
    const above = connection(few, 3, 2_000);
    expect(choosePreempted([connection(many, 2, 9_000), connection(many, 2, 9_000), above], RULES)).toBe(above);
    expect(
      choosePreempted(
        [1, 2, 3].map(() => connection(many, 2, 9_000)),
        RULES,
      ),
    ).toBeUndefined();
  });
});
