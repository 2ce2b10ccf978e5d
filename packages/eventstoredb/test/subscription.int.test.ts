import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import streamsGrpc from '@eventstore/db-client/generated/streams_grpc_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import { type EventStoreServer, startEventStore } from '@ultracore/embedded-eventstore';
import type { NewEvent, SubscribeToAllOptions } from '@ultracore/event-sourcing';
import { waitFor } from '@ultracore/testkit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createEventStoreDb, type EventStoreDb, type EventStoreDbError } from '../src/index.ts';
import { type Proxy, startProxy } from './proxy.ts';

let dataDir: string;
let server: EventStoreServer;
let proxy: Proxy;
/** Through the proxy. */
let store: EventStoreDb;
/** Straight to the server. */
let direct: EventStoreDb;
let problems: EventStoreDbError[];
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'eventstoredb-'));
  server = await startEventStore({ port: 0, dataDir });
  proxy = await startProxy(server.url);
  problems = [];
  store = createEventStoreDb({ connectionString: proxy.url, watchdogMs: 150, onProblem: (problem) => problems.push(problem) });
  direct = createEventStoreDb({ connectionString: server.url });
});
afterEach(async () => {
  vi.restoreAllMocks();
  await store.stop();
  await direct.stop();
  await proxy[Symbol.asyncDispose]();
  await server.stop();
  await rm(dataDir, { recursive: true });
});

const anEvent = (n = 0): NewEvent => ({ id: randomUUID(), type: 'Counted.v1', data: { n }, metadata: {} });
const some = (count: number) => Array.from({ length: count }, (_, n) => anEvent(n));
const ids = (events: readonly { id: string }[]) => events.map((event) => event.id);

function collect(options: Partial<SubscribeToAllOptions> = {}) {
  const state = { seen: [] as string[], caughtUp: 0, checkpoints: [] as bigint[] };
  const subscription = store.subscribeToAll({
    streamPrefixes: ['a-'],
    onEvents: (events) => {
      state.seen.push(...ids(events));
      return Promise.resolve();
    },
    onCheckpoint: (position) => {
      state.checkpoints.push(position);
    },
    onCaughtUp: () => {
      state.caughtUp += 1;
    },
    ...options,
  });
  return Object.assign(state, { subscription });
}

describe('a subscription', () => {
  test('goes on after the last event when its connection breaks', async () => {
    const state = collect();
    const expected: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      const events = some(20);
      expected.push(...ids(events));
      await direct.append(`a-${round}`, events, 'no_stream');
      if (round < 4) proxy.cut();
    }
    await waitFor(() => state.seen.length >= expected.length, { what: 'every event' });
    expect(state.seen).toEqual(expected);
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]?.code).toBe('unavailable');
  });

  test('goes on when the server is restarted', async () => {
    const state = collect();
    const [before, after] = [some(5), some(5)];
    await direct.append('a-1', before, 'no_stream');
    await waitFor(() => state.seen.length === 5, { what: 'the first events' });
    await server.stop();
    await waitFor(() => !state.subscription.status().live, { what: 'the interruption to be noticed' });
    server = await startEventStore({ port: server.port, dataDir });
    await direct.append('a-2', after, 'no_stream');
    await waitFor(() => state.seen.length === 10, { what: 'the events after the restart' });
    expect(state.seen).toEqual(ids([...before, ...after]));
    await waitFor(() => state.subscription.status().live, { what: 'the subscription to be live again' });
  });

  test('that dies without an error is noticed and goes on', async () => {
    const reads = vi.spyOn(streamsGrpc.StreamsClient.prototype, 'makeServerStreamRequest');
    const opened = () =>
      reads.mock.calls.flatMap(([, , , request], n) => {
        const isSubscription = request instanceof streams.ReadReq && request.getOptions()?.hasSubscription();
        return isSubscription ? [reads.mock.results[n]?.value] : [];
      });
    const state = collect();
    await waitFor(() => state.caughtUp === 1, { what: 'the subscription to be live' });
    // From now on the call takes what comes and tells nobody.
    opened()[0]?.removeAllListeners('data');
    const events = some(3);
    await direct.append('other-1', some(10), 'no_stream');
    await direct.append('a-1', events, 'no_stream');
    await waitFor(() => state.seen.length === 3, { what: 'the events after the silent death' });
    expect(state.seen).toEqual(ids(events));
    expect(problems.map((problem) => problem.code)).toEqual(['subscription_stalled']);
    expect(opened()).toHaveLength(2);
  });

  test('that is idle, or busy for long, is not taken for dead', async () => {
    const release = Promise.withResolvers<undefined>();
    let handed = 0;
    const state = collect({
      onEvents: async (events) => {
        handed += events.length;
        if (handed === events.length) await release.promise;
      },
    });
    await direct.append('a-1', some(3), 'no_stream');
    await direct.append('a-2', some(3), 'no_stream');
    await waitFor(() => handed > 0, { what: 'the first batch' });
    await sleep(600);
    release.resolve(undefined);
    await waitFor(() => handed === 6, { what: 'the rest' });
    for (let n = 0; n < 4; n += 1) {
      await direct.append(`other-${n}`, some(3), 'no_stream');
      await sleep(150);
    }
    expect(problems).toEqual([]);
    expect(state.caughtUp).toBe(1);
  });

  test('hands over checkpoints while nothing is wanted, and none before the events that lie before it', async () => {
    const handed: bigint[] = [];
    const early: bigint[] = [];
    const wanted: bigint[] = [];
    const checkpoints: bigint[] = [];
    collect({
      onEvents: async (events) => {
        await sleep(20);
        handed.push(...events.map((event) => event.position));
      },
      onCheckpoint: (position) => {
        checkpoints.push(position);
        if (wanted.some((one) => one < position && !handed.includes(one))) early.push(position);
      },
    });
    for (let round = 0; round < 6; round += 1) {
      await direct.append(`other-${round}`, some(200), 'no_stream');
      const { position } = await direct.append(`a-${round}`, [anEvent()], 'no_stream');
      wanted.push(position);
    }
    const { position: end } = await direct.append('other-end', some(600), 'no_stream');
    await waitFor(() => (checkpoints.at(-1) ?? 0n) > (wanted.at(-1) ?? 0n), { what: 'a checkpoint after the last event' });
    expect(handed).toEqual(wanted);
    expect(early).toEqual([]);
    expect(checkpoints).toEqual(checkpoints.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(checkpoints.at(-1)).toBeLessThanOrEqual(end);
  });

  test('resumes from a stored checkpoint', async () => {
    await direct.append('other-1', some(300), 'no_stream');
    const first = collect();
    await waitFor(() => first.checkpoints.length > 0, { what: 'a checkpoint' });
    await first.subscription.stop();
    const event = anEvent();
    await direct.append('a-1', [event], 'no_stream');
    const after = first.checkpoints.at(-1) ?? 0n;
    const second = collect({ after });
    await waitFor(() => second.seen.length === 1, { what: 'the event after the checkpoint' });
    expect(second.seen).toEqual([event.id]);
    expect(second.subscription.status().position).toBeGreaterThan(after);
  });

  test('says when it has caught up, only when everything before was handled', async () => {
    for (let n = 0; n < 10; n += 1) await direct.append(`a-${n}`, some(100), 'no_stream');
    let handled = 0;
    let handledAtCaughtUp = -1;
    const { subscription } = collect({
      onEvents: async (events) => {
        await sleep(10);
        handled += events.length;
      },
      onCaughtUp: () => {
        handledAtCaughtUp = handled;
      },
    });
    expect(subscription.status()).toEqual({ live: false, position: undefined });
    await waitFor(() => handledAtCaughtUp >= 0, { what: 'the subscription to catch up' });
    expect(handledAtCaughtUp).toBe(1_000);
    expect(subscription.status().live).toBe(true);
  });

  test('keeps few events in memory for a consumer that is slow', async () => {
    for (let n = 0; n < 20; n += 1) await direct.append(`a-${n}`, some(250), 'no_stream');
    const gate = Promise.withResolvers<undefined>();
    const batches: number[] = [];
    collect({
      onEvents: async (events) => {
        batches.push(events.length);
        await gate.promise;
      },
    });
    await waitFor(() => batches.length === 1, { what: 'the first batch' });
    await sleep(300);
    gate.resolve(undefined);
    await waitFor(() => batches.reduce((sum, count) => sum + count, 0) === 5_000, { what: 'every event' });
    expect(Math.max(...batches)).toBeLessThanOrEqual(500);
  });

  test('stopped while there is no server stops', async () => {
    const state = collect();
    await waitFor(() => state.caughtUp === 1, { what: 'the subscription to be live' });
    proxy.refuse(true);
    await waitFor(() => problems.length > 1, { what: 'two attempts' });
    await state.subscription.stop();
    await expect(state.subscription.done).resolves.toBeUndefined();
  });
});
