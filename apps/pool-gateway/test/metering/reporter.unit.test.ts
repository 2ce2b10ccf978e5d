import { randomUUID } from 'node:crypto';
import type { OutRecord } from '@ultracore/kafka';
import { createLogger } from '@ultracore/service';
import { waitFor } from '@ultracore/testkit';
import { describe, expect, test } from 'vitest';
import { createUsageReporter } from '../../src/metering/reporter.ts';
import { createUsageWindows, type UsageEvent } from '../../src/metering/windows.ts';

const logger = createLogger({ name: 'test', level: 'silent' });

function rig({ maxUnsent }: { maxUnsent?: number } = {}) {
  const windows = createUsageWindows({ meter: 'pool-gateway.gw-1', start: new Date(), newId: randomUUID });
  const sent: UsageEvent[] = [];
  let attempts = 0;
  let isDown = false;
  const publisher = {
    async send(records: readonly OutRecord[]) {
      attempts += 1;
      if (isDown) throw new Error('no broker');
      sent.push(...records.map(({ body }) => body as UsageEvent));
    },
  };
  const reporter = createUsageReporter({
    windows,
    publisher,
    poolOf: () => undefined,
    everyMs: 20,
    logger,
    ...(maxUnsent === undefined ? {} : { maxUnsent }),
  });
  return {
    windows,
    reporter,
    sent,
    attempts: () => attempts,
    down: (value: boolean) => {
      isDown = value;
    },
  };
}

const queries = (events: readonly UsageEvent[]) => events.reduce((sum, { query_count: count = 0 }) => sum + count, 0);

describe('usage that cannot be sent', () => {
  test('is kept as it is, with its window and id, and sent once Kafka is back', async () => {
    const { windows, reporter, sent, attempts, down } = rig();
    down(true);
    reporter.start();
    windows.of('acme').statements += 3;
    await waitFor(() => reporter.unsent() === 1, { what: 'a window to end' });
    windows.of('acme').statements += 4;
    await waitFor(() => reporter.unsent() === 2 && attempts() > 2, { what: 'another' });
    expect(sent).toEqual([]);
    down(false);
    await waitFor(() => reporter.unsent() === 0, { what: 'all to be sent' });
    await reporter.stop();
    expect(sent.map(({ query_count: count }) => count)).toEqual([3, 4]);
    expect(new Set(sent.map(({ event_id: id }) => id)).size).toBe(2);
    expect(Date.parse(sent[1]?.window_start ?? '')).toBeGreaterThanOrEqual(Date.parse(sent[0]?.recorded_at ?? ''));
  });

  test('does not pile up: beyond its bound windows grow instead, and nothing is lost', async () => {
    const { windows, reporter, sent, attempts, down } = rig({ maxUnsent: 1 });
    down(true);
    reporter.start();
    for (let n = 1; n <= 10; n += 1) {
      windows.of('acme').statements += 1;
      const seen = attempts();
      await waitFor(() => attempts() > seen, { what: 'another attempt' });
    }
    expect(reporter.unsent()).toBe(1);
    down(false);
    await reporter.stop();
    expect(queries(sent)).toBe(10);
    expect(sent.length).toBeLessThanOrEqual(3);
  });
});

test('the last window is sent at the stop', async () => {
  const { windows, reporter, sent } = rig();
  reporter.start();
  windows.of('acme').statements += 1;
  await reporter.stop();
  expect(queries(sent)).toBe(1);
});
