import type { StoredEvent } from '@ultracore/event-sourcing';
import { expect, test } from 'vitest';
import { createLag } from '../../src/store/lag.ts';

const event = (position: number, at: number): StoredEvent => ({
  id: String(position),
  streamName: 'tenant-a',
  type: 'Counted.v1',
  data: {},
  metadata: {},
  revision: 0n,
  position: BigInt(position),
  createdAt: new Date(at),
});

test('is the age of the oldest event that is met and not done', () => {
  const lag = createLag(() => 10_000);
  expect(lag.seconds()).toBe(0);
  lag.met([event(1, 4_000), event(2, 5_000)]);
  lag.met([event(3, 7_000)]);
  expect(lag.seconds()).toBe(6);
  lag.done(2n);
  expect(lag.seconds()).toBe(3);
  lag.done(3n);
  expect(lag.seconds()).toBe(0);
});

test('an event that is met again, because it could not be done, is as old as it was', () => {
  const lag = createLag(() => 10_000);
  lag.met([event(1, 4_000)]);
  lag.met([event(1, 4_000)]);
  expect(lag.seconds()).toBe(6);
  lag.done(1n);
  expect(lag.seconds()).toBe(0);
});
