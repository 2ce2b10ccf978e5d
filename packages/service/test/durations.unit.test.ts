import { Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { createDurations } from '../src/durations.ts';

const NAMED = { name: 'wait_seconds', help: 'How long.' };
const BUCKETS = [0.001, 0.01, 0.1, 1];

test('a scraper reads of any durations what prom-client’s own histogram would show', async () => {
  const [own, theirs] = [new Registry(), new Registry()];
  const fast = createDurations(own, { ...NAMED, labelNames: ['kind'], buckets: BUCKETS });
  const slow = new Histogram({ ...NAMED, labelNames: ['kind'], buckets: BUCKETS, registers: [theirs] });
  for (const kind of ['a', 'b"\n\\']) {
    const timer = fast.timer({ kind });
    for (const seconds of [0, 0.0005, ...BUCKETS, 0.0100001, 0.3, 1.0000001, 7, 3600]) {
      timer.observe(seconds);
      slow.observe({ kind }, seconds);
    }
  }
  expect(await own.metrics()).toBe(await theirs.metrics());
});

test('begins anew when the registry is reset', async () => {
  const registry = new Registry();
  const timer = createDurations(registry, { ...NAMED, labelNames: [], buckets: BUCKETS }).timer({});
  timer.observe(0.5);
  registry.resetMetrics();
  expect(await registry.metrics()).toContain('wait_seconds_count 0');
});

test('has a name of its own in a registry', () => {
  const registry = new Registry();
  createDurations(registry, { ...NAMED, labelNames: [], buckets: BUCKETS });
  expect(() => createDurations(registry, { ...NAMED, labelNames: [], buckets: BUCKETS })).toThrow(/wait_seconds/);
});
