import type { StoredEvent } from '@ultracore/event-sourcing';
import { expect, test } from 'vitest';
import { follow } from '../../src/inbound/http/live/live-history.ts';

const MANY = 1_000_000;

test('a caller who may no longer read a live history is told so although there is always something to tell', async () => {
  const event = (revision: bigint): StoredEvent => ({
    id: String(revision),
    type: 'ConfigUpdated.v1',
    data: {},
    metadata: { actor: 'op-1' },
    streamName: 'tenant-a',
    revision,
    position: revision,
    createdAt: new Date(0),
  });
  const lines = follow(
    {
      streamName: 'tenant-a',
      after: undefined,
      check: () => Promise.reject(new Error('not any more')),
      toEntry: () => ({}),
    },
    {
      store: { readStream: (_name, options) => Promise.resolve({ exists: true, events: [event(options?.fromRevision ?? 0n)] }) },
      signal: new AbortController().signal,
      sleep: () => Promise.resolve(true),
      log: { debug: () => undefined },
      heartbeatMs: 20,
    },
  );
  let told = 0;
  for await (const _line of lines) if ((told += 1) === MANY) break;
  expect(told).toBeLessThan(MANY);
});
