import { issueTenantToken, loadSecrets } from '@ultracore/local';
import { waitFor } from '@ultracore/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createApi } from '../src/api.ts';
import { clientOf, type GatewayClient } from '../src/gateway.ts';
import { type Launched, launchStack } from '../src/launcher.ts';
import { freshId } from '../src/tenants.ts';

const id = freshId('outage');
let own: Launched;
let sql: GatewayClient;
let gatewayPid: number | undefined;

beforeAll(async () => {
  own = await launchStack([], { GATEWAY_DIRECTORY_STALE_SECONDS: '3' });
  const stack = own.stack();
  const api = createApi(String(stack.edge_url), stack.tokens?.operator);
  expect((await api.create({ tenant_id: id, tier: 'standard' })).status).toBe(202);
  await api.untilStatus(id);
  const token = await issueTenantToken(await loadSecrets(own.dataDir), { tenantId: id });
  sql = clientOf({ url: String(stack.service_urls['pool-gateway']) }, token);
  await untilServed();
  gatewayPid = stack.pids['pool-gateway'];
});
afterEach(() => {
  expect(own.stack().pids['pool-gateway'], 'the gateway was never started again').toBe(gatewayPid);
});
afterAll(() => own?.[Symbol.asyncDispose]());

const INSERT = `insert into clients (kind, given_name, family_name) values ('person', 'Out', 'Age') returning id`;

const untilServed = (text = 'select 1') =>
  waitFor(
    async () => {
      const { status, body } = await sql.query(text);
      if (status === 200) return true;
      throw new Error(String(body['code']));
    },
    { what: 'SQL to be served', deadlineMs: 90_000, everyMs: 100 },
  );

describe('Postgres', () => {
  test('killed and started again: requests fail with a reason and a time to wait, or wait; then all is as before', async () => {
    const { postgres } = own.stack().pids;
    process.kill(Number(postgres), 'SIGKILL');
    const codes = new Set<unknown>();
    const made = new Set<unknown>();
    await waitFor(
      async () => {
        const { status, body, headers } = await sql.query(INSERT, [], { timeout_ms: 2_000 });
        if (status === 200) {
          made.add((body['rows'] as { id: string }[])[0]?.id);
          return own.stack().pids['postgres'] !== postgres;
        }
        codes.add(body['code']);
        if (status !== 504)
          expect({ status, retry: headers.get('retry-after') }).toEqual({ status: 503, retry: expect.any(String) });
        return false;
      },
      { what: 'SQL to be served again', deadlineMs: 90_000, everyMs: 50 },
    );
    const known = [
      'connection_lost',
      'outcome_unknown',
      'server_unreachable',
      'queue_timeout',
      'sql_error',
      'statement_timeout',
      // The relay keeps its lease in the same Postgres: without it there are no beats either.
      'directory_stale',
    ];
    expect([...codes].filter((code) => !known.includes(String(code)))).toEqual([]);
    // What was said to be done is there.
    expect(await sql.value('select count(*)::int from clients where id = any($1::uuid[])', [[...made]])).toBe(made.size);
  });
});

describe('Kafka', () => {
  test('gone for longer than the copy of the directory may be behind: nobody is served until it is back', async () => {
    const { kafka } = own.stack().pids;
    const gateway = String(own.stack().service_urls['pool-gateway']);
    const isReady = async () => (await fetch(`${gateway}/readyz`)).ok;
    expect(await isReady()).toBe(true);
    process.kill(Number(kafka), 'SIGSTOP');
    try {
      await waitFor(
        async () => {
          const { status, body, headers } = await sql.query('select 1');
          return status === 503 && body['code'] === 'directory_stale' && headers.get('retry-after') !== null;
        },
        { what: 'the gateway to refuse', deadlineMs: 30_000 },
      );
      expect(await isReady()).toBe(false);
    } finally {
      process.kill(Number(kafka), 'SIGCONT');
    }
    await untilServed(INSERT);
    await waitFor(isReady, { what: 'the gateway to be ready' });
  });
});

describe('a relay that is dead', () => {
  test('is as good as no Kafka', async () => {
    const { registry } = own.stack().pids;
    process.kill(Number(registry), 'SIGSTOP');
    try {
      await waitFor(async () => (await sql.query('select 1')).body['code'] === 'directory_stale', {
        what: 'the gateway to refuse',
        deadlineMs: 30_000,
      });
    } finally {
      process.kill(Number(registry), 'SIGCONT');
    }
    await untilServed();
    expect(await sql.value('select 42')).toBe(42);
  });
});
