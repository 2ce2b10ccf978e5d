import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createGenerator } from '../src/gateway/load/generator.ts';
import { createHistogram } from '../src/gateway/load/histogram.ts';
import { readHead } from '../src/gateway/load/http-channel.ts';
import type { ClientLogin, Load } from '../src/gateway/load/messages.ts';
import { drawIndexes, seededRandom, zipfShares } from '../src/gateway/load/random.ts';
import { endsInReady, goodTail, readMessages, wireRequest } from '../src/gateway/load/wire-messages.ts';
import { callsOf } from '../src/gateway/workload.ts';

test('a histogram tells quantiles to 1 % or to 1 µs, and survives the way between processes', () => {
  const histogram = createHistogram();
  const values = Array.from({ length: 10_000 }, (_, index) => 0.05 * 1.001 ** index);
  for (const value of values) histogram.record(value);
  const copy = createHistogram();
  copy.add(histogram.counts());
  for (const q of [0.01, 0.5, 0.9, 0.99]) {
    const exact = values[Math.ceil(q * values.length) - 1] ?? 0;
    expect(copy.quantile(q)).toBeGreaterThanOrEqual(exact);
    expect(copy.quantile(q)).toBeLessThanOrEqual(exact * 1.01 + 0.001);
  }
  expect(copy.count()).toBe(10_000);
});

test('an empty histogram has no quantile', () => {
  expect(createHistogram().quantile(0.99)).toBeNaN();
});

test('requests are drawn by Zipf weights, the same for the same seed', () => {
  const shares = zipfShares(200);
  const draw = (): Uint16Array => drawIndexes(shares, 50_000, seededRandom(7));
  const counts = new Map<number, number>();
  for (const index of draw()) counts.set(index, (counts.get(index) ?? 0) + 1);
  expect(draw()).toEqual(draw());
  expect((counts.get(0) ?? 0) / 50_000).toBeCloseTo(shares[0] ?? 0, 1);
  expect((counts.get(0) ?? 0) / (counts.get(1) ?? 1)).toBeGreaterThan(1.7);
  expect(Math.max(...counts.keys())).toBeLessThan(200);
});

test('a tenth of the calls of the write workload write, and every read tells whose row it must get', () => {
  const calls = callsOf('writes', 'acme', 100, seededRandom(1));
  expect(calls.filter(({ tag }) => tag === 'UPDATE 1')).toHaveLength(10);
  for (const { tag, holds } of calls)
    expect(holds).toEqual(tag === 'UPDATE 1' ? undefined : expect.stringMatching(/^acme \d+\.$/));
});

test('a request without a statement name carries its text, one with a name does not', () => {
  const [call] = callsOf('point', 'acme', 1, seededRandom(1));
  if (call === undefined) throw new Error('no call');
  const types = (bytes: Buffer): string[] => readMessages(bytes).messages.map(({ type }) => type);
  expect(types(wireRequest(call, undefined))).toEqual(['P', 'B', 'E', 'S']);
  expect(types(wireRequest(call, 's0'))).toEqual(['B', 'E', 'S']);
});

test('the end of an answer is found whatever the transaction status', () => {
  expect(endsInReady(goodTail('SELECT 1'))).toBe(true);
  expect(endsInReady(Buffer.from([0x5a, 0, 0, 0, 5, 0x45]))).toBe(true);
  expect(endsInReady(goodTail('SELECT 1').subarray(0, -1))).toBe(false);
});

test('the head of an answer tells status and length, or that it comes in chunks', () => {
  const head = (text: string) => readHead(Buffer.from(text.replaceAll('\n', '\r\n')));
  expect(head('HTTP/1.1 200 OK\nContent-Length: 12\n\n{')).toEqual({ ok: true, bodyStart: 39, bodyLength: 12 });
  expect(head('HTTP/1.1 503 Busy\ncontent-length: 0\n\n')).toMatchObject({ ok: false, bodyLength: 0 });
  expect(head('HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n')).toMatchObject({ ok: true, bodyLength: undefined });
  expect(head('HTTP/1.1 200 OK\ncontent-')).toBeUndefined();
});

const OWN = '{"rows":[{"name":"acme 1000."}],"row_count":1000}';

test('every answer over HTTP is counted once, however it is cut into pieces', async () => {
  const result = await loadAgainst((body) => [
    `HTTP/1.1 200 OK\r\ncontent-le`,
    `ngth: ${body.length}\r\n\r\n${body.slice(0, 5)}`,
    body.slice(5),
  ]);
  expect(result).toMatchObject({ failed: 0, wrong: 0, latencies: [expect.anything()] });
  expect(result.requests).toBeGreaterThan(4);
});

test('answers in chunks are counted once each', async () => {
  const result = await loadAgainst((body) => [
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`,
    `${body}\r\n0\r\n`,
    '\r\n',
  ]);
  expect(result).toMatchObject({ failed: 0, wrong: 0 });
  expect(result.requests).toBeGreaterThan(4);
});

test("another tenant's row, and a refusal, do not pass for an answer", async () => {
  const foreign = await loadAgainst(() => ['HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\n{"globex": 1}'.slice(0, -1)]);
  expect(foreign.wrong).toBe(foreign.checked);
  expect(foreign.checked).toBeGreaterThan(0);
  const refused = await loadAgainst(() => ['HTTP/1.1 429 Busy\r\ncontent-length: 4\r\n\r\nbusy']);
  expect(refused).toMatchObject({ failed: refused.requests, firstFailure: 'not 200: busy' });
});

/** Runs a load of one tenant, whose every answer is looked into, against a server that answers each request in the pieces given. */
async function loadAgainst(answer: (body: string) => string[]) {
  const server: Server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on('error', () => {});
    const write = ([piece, ...others]: string[]): void => {
      socket.write(piece ?? '', () => {
        if (others.length > 0) setTimeout(write, 1, others);
      });
    };
    socket.on('data', () => write(answer(OWN)));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const tenant: ClientLogin = { tenantId: 'acme', token: 't', user: '', password: '', database: '', share: 1, group: 0 };
  const target: Load['target'] = { protocol: 'http', host: '127.0.0.1', port, prepared: true };
  const generator = await createGenerator({ target, workload: 'rows', clients: 2, tenants: [tenant], seed: 1, checkEvery: 1 });
  onTestFinished(() => generator.close());
  return generator.run(50);
}
