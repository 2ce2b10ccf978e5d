import { describe, expect, test } from 'vitest';
import { createOutbox, type Batch } from '../../src/outbound/outbox.ts';
import { createRelayCheckpoint } from '../../src/outbound/relay-checkpoint.ts';
import type { PublicMessage } from '../../src/outbound/translate.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import type { ExistingTenant } from '../../src/tenant/state.ts';
import { created } from '../tenant/examples.ts';

const stateAt = (revision: number): ExistingTenant => {
  const state = tenantDecider.evolve(tenantDecider.initialState(), created);
  if (state.status === 'none') throw new Error('no tenant');
  return { ...state, revision };
};
const messages = (count: number): PublicMessage[] =>
  Array.from({ length: count }, (_, n) => ({
    topic: 't',
    key: 'k',
    envelope: { id: String(n), type: 'x', source: 's', subject: 's', time: 't', tenantId: 'k' },
    body: {},
  }));
const batch = (position: bigint, count: number, states: Record<string, ExistingTenant> = {}): Batch => ({
  position,
  messages: messages(count),
  states: new Map(Object.entries(states)),
});
const open = (capacity = 10) => {
  const ending = new AbortController();
  return { outbox: createOutbox({ capacity, signal: ending.signal }), ending };
};
/** Whether a promise is fulfilled by now. */
const isDone = (promise: Promise<unknown>) =>
  Promise.race([promise.then(() => true), new Promise((resolve) => setImmediate(resolve, false))]);

describe('the outbox', () => {
  test('hands over all that waits as one batch, with the latest state of each tenant', () => {
    const { outbox } = open();
    outbox.add(batch(1n, 2, { a: stateAt(0), b: stateAt(0) }));
    outbox.add(batch(2n, 1, { a: stateAt(1) }));
    const taken = outbox.take(100);
    expect(taken?.position).toBe(2n);
    expect(taken?.messages).toHaveLength(3);
    expect([...(taken?.states ?? [])].map(([id, { revision }]) => [id, revision])).toEqual([
      ['a', 1],
      ['b', 0],
    ]);
    expect(outbox.take(100)).toBeUndefined();
  });

  test('never splits a batch, and takes at least one', () => {
    const { outbox } = open();
    outbox.add(batch(1n, 6));
    outbox.add(batch(2n, 6));
    outbox.add(batch(3n, 1));
    expect(outbox.take(5)?.messages).toHaveLength(6);
    expect(outbox.take(7)?.messages).toHaveLength(7);
  });

  test('holds its reader back while it is full, and lets it go when there is room or all ends', async () => {
    const { outbox, ending } = open(3);
    outbox.add(batch(1n, 3));
    const room = outbox.room();
    expect(await isDone(room)).toBe(false);
    outbox.take(1);
    expect(await isDone(room)).toBe(true);
    outbox.add(batch(2n, 3));
    const late = outbox.room();
    ending.abort();
    expect(await isDone(late)).toBe(true);
  });

  test('wakes its publisher for a batch, a call or the end', async () => {
    const { outbox, ending } = open();
    const filled = outbox.filled();
    expect(await isDone(filled)).toBe(false);
    outbox.add(batch(1n, 1));
    expect(await isDone(filled)).toBe(true);
    outbox.take(1);
    const called = outbox.filled();
    outbox.wake();
    expect(await isDone(called)).toBe(true);
    const ended = outbox.filled();
    ending.abort();
    expect(await isDone(ended)).toBe(true);
  });
});

describe('the relay’s checkpoint', () => {
  test('stores one position at a time, and of those reached meanwhile only the last', async () => {
    const stored: bigint[] = [];
    const gate = Promise.withResolvers<void>();
    const checkpoint = createRelayCheckpoint({
      store: async (position) => {
        if (stored.length === 0) await gate.promise;
        stored.push(position);
      },
      onError: () => undefined,
    });
    for (const position of [1n, 2n, 3n]) checkpoint.reached(position);
    gate.resolve();
    await checkpoint.flush();
    expect(stored).toEqual([1n, 3n]);
  });

  test('a position that could not be stored is stored with the next, or at the end', async () => {
    const stored: bigint[] = [];
    let failures = 1;
    const errors: unknown[] = [];
    const checkpoint = createRelayCheckpoint({
      store: (position) => {
        if (failures > 0) {
          failures -= 1;
          return Promise.reject(new Error('down'));
        }
        stored.push(position);
        return Promise.resolve();
      },
      onError: (error) => errors.push(error),
    });
    checkpoint.reached(5n);
    await checkpoint.flush();
    expect(stored).toEqual([5n]);
    expect(errors).toHaveLength(1);
  });
});
