import { setTimeout as sleep } from 'node:timers/promises';
import { createInMemoryEventStore, type EventStore } from '@ultracore/event-sourcing';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startApp, type TestApp } from '../app.ts';
import { createFacts } from './facts-of-worker.ts';

let app: TestApp;
let store: EventStore;
let url: string;
/** Subscriptions to the whole log: opened so far, and open now. */
const subscriptions = { opened: 0, open: 0 };
let next = 0;

beforeAll(async () => {
  const inner = createInMemoryEventStore();
  store = {
    ...inner,
    subscribeToAll(options) {
      subscriptions.opened += 1;
      subscriptions.open += 1;
      const subscription = inner.subscribeToAll(options);
      void subscription.done.finally(() => (subscriptions.open -= 1));
      return subscription;
    },
  };
  app = await startApp(store);
  url = await app.server.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(() => app[Symbol.asyncDispose]());

async function tenant(): Promise<{ id: string; request: string }> {
  next += 1;
  const id = `live-${next}`;
  const body = { tenant_id: id, tenant_name: 'Sample', tier: 'standard', owner_email: 'ada@firm.example' };
  const created = await app.call('POST', '/v1/tenants', { body });
  return { id, request: created.body.provisioning.request_id };
}

interface Watch {
  readonly status: number;
  readonly contentType: string | null;
  readonly ids: () => number[];
  readonly types: () => string[];
  readonly comments: () => number;
  readonly ended: () => boolean;
  readonly text: () => string;
  readonly leave: () => void;
}

/** A caller on a connection of its own, who reads on while the test does something else. */
async function watch(id: string, headers: Record<string, string> = {}, base = url): Promise<Watch> {
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const response = await fetch(`${base}/v1/tenants/${id}/events`, {
    headers: { authorization: 'Bearer operator', accept: 'text/event-stream', ...headers },
    signal: leaving.signal,
  });
  let text = '';
  let ended = false;
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  };
  void read()
    .catch(() => undefined)
    .finally(() => (ended = true));
  const fields = (name: string): string[] =>
    text.split('\n').flatMap((line) => (line.startsWith(`${name}: `) ? [line.slice(name.length + 2)] : []));
  return {
    status: response.status,
    contentType: response.headers.get('content-type'),
    ids: () => fields('id').map(Number),
    types: () => fields('data').map((data) => (JSON.parse(data) as { type: string }).type),
    comments: () => text.split('\n').filter((line) => line.startsWith(':')).length,
    ended: () => ended,
    text: () => text,
    leave: () => leaving.abort(),
  };
}

const until = (what: string, condition: () => boolean) => waitFor(condition, { what });
const untilNobodyWatches = () => until('the last subscription to be ended', () => subscriptions.open === 0);
const post = (id: string, what: string) => app.call('POST', `/v1/tenants/${id}/${what}`, { body: { reason: 'because' } });

describe('a live history', () => {
  test('begins with what was, goes on with what is, in order and without gap or repetition, each by its revision', async () => {
    const { id, request } = await tenant();
    const watching = await watch(id);
    expect(watching).toMatchObject({ status: 200, contentType: 'text/event-stream' });
    await until('the past', () => watching.ids().length === 1);
    await createFacts(store).activate(id, request);
    await post(id, 'suspend');
    await until('the present', () => watching.types().includes('TenantSuspendedEvent'));
    const paged = (await app.call('GET', `/v1/tenants/${id}/events`)).body.events;
    expect(watching.ids()).toEqual(paged.map((event: { revision: number }) => event.revision));
    const told = watching
      .text()
      .split('\n')
      .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6)) as unknown] : []));
    expect(told).toEqual(paged);
    expect(watching.text()).not.toContain('password');
  });

  test('goes on after the event that the caller has seen last', async () => {
    const { id, request } = await tenant();
    await createFacts(store).activate(id, request);
    const watching = await watch(id, { 'last-event-id': '3' });
    await until('the rest', () => watching.ids().includes(5));
    await post(id, 'suspend');
    await until('the next', () => watching.ids().includes(6));
    expect(watching.ids()).toEqual([4, 5, 6]);
    expect((await watch(id, { 'last-event-id': 'three' })).status).toBe(400);
  });

  test('costs one subscription however many watch, which ends with the last of them', async () => {
    await untilNobodyWatches();
    const before = subscriptions.opened;
    const [{ id }, { id: other }] = [await tenant(), await tenant()];
    const watching = await Promise.all(Array.from({ length: 20 }, (_, n) => watch(n % 2 === 0 ? id : other)));
    await Promise.all([post(id, 'terminate'), post(other, 'terminate')]);
    await until('all to be told', () => watching.every(({ types }) => types().includes('TenantTerminatedEvent')));
    expect(subscriptions).toMatchObject({ opened: before + 1, open: 1 });
    for (const { leave } of watching.slice(1)) leave();
    await post(id, 'legal-hold/release');
    expect(subscriptions.open).toBe(1);
    watching[0]?.leave();
    await untilNobodyWatches();
  });

  test('shows signs of life while nothing happens', async () => {
    const { id } = await tenant();
    const watching = await watch(id);
    await until('signs of life', () => watching.comments() >= 3);
    expect(watching.ended()).toBe(false);
  });

  test('ends when the caller may no longer read it, and is nobody’s who may not', async () => {
    const { id } = await tenant();
    const watching = await watch(id, { authorization: 'Bearer creator' });
    await until('the past', () => watching.ids().length === 1);
    await app.call('PATCH', `/v1/tenants/${id}/config`, { body: { owner_email: 'new@firm.example' } });
    await until('its end', watching.ended);
    expect((await watch(id, { authorization: 'Bearer creator' })).status).toBe(404);
    expect((await watch(id, { authorization: 'Bearer nobody' })).status).toBe(403);
    expect((await watch('no-such-tenant')).status).toBe(404);
  });

  test('ends when the server stops, which does not wait for it', async () => {
    const { id } = await tenant();
    const server = await app.sibling();
    const base = await server.listen({ host: '127.0.0.1', port: 0 });
    const watching = await watch(id, {}, base);
    await until('the past', () => watching.ids().length === 1);
    const closed = await Promise.race([server.close().then(() => true), sleep(10_000, false, { ref: false })]);
    expect(closed).toBe(true);
    await until('its end', watching.ended);
  });

  test('is no answer to who asks for JSON', async () => {
    const { id } = await tenant();
    const page = await watch(id, { accept: 'application/json, */*' });
    expect(page).toMatchObject({ status: 200, contentType: expect.stringContaining('application/json') });
  });
});
