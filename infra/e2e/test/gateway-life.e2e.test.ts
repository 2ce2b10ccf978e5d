import { TOPICS } from '@ultracore/contracts';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientOf, startGatewayRig, type GatewayRig } from '../src/gateway.ts';
import type { RunningService } from '../src/platform.ts';
import { sessionsOf, terminateSessions, untilQuiet } from '../src/sessions.ts';
import { readTopic } from '../src/topics.ts';

let rig: GatewayRig;
beforeAll(async () => {
  rig = await startGatewayRig(['small', 'enterprise']);
});
afterAll(() => rig?.[Symbol.asyncDispose]());

const another = (instance: string, env: Record<string, string> = {}): Promise<RunningService> =>
  rig.platform.start('pool-gateway', { env: { GATEWAY_INSTANCE: instance, ...env } });
const clientAt = async (gateway: RunningService, tenantId: string) =>
  clientOf(gateway, await rig.platform.tenantToken({ tenantId }));

/** Reads, and takes its time. */
const LONG = 'select count(*)::int as n from generate_series(1, 100000) a, generate_series(1, 100000) b';

const isRunning = (tenantId: string, text: string) =>
  waitFor(
    async () => (await sessionsOf(rig.platform.stack, tenantId)).some(({ query, state }) => query === text && state === 'active'),
    {
      what: `"${text}" to run`,
    },
  );

/** What one gateway has published of a tenant's use. */
async function usageOf(tenantId: string, instance: string) {
  const records = await readTopic(rig.platform.stack, TOPICS.resources);
  return records
    .filter(({ key, body }) => key === tenantId && body?.['meter'] === `pool-gateway.${instance}`)
    .map(({ body }) => body ?? {});
}
const sum = (events: readonly Record<string, unknown>[], field: string) =>
  events.reduce((total, event) => total + Number(event[field]), 0);

describe('what a tenant uses', () => {
  test('is published once a window, each statement in exactly one, the last of it at the stop', async () => {
    const [{ id }, { id: idle }] = [rig.tenant('small'), rig.tenant('enterprise')];
    const gateway = await another('metered', { GATEWAY_METERING_SECONDS: '1' });
    const sql = await clientAt(gateway, id);
    await waitFor(async () => (await sql.query('select 1')).status === 200, { what: 'the first statement' });
    for (let n = 0; n < 20; n += 1) expect((await sql.query('select generate_series(1, 5), pg_sleep(0.02)')).status).toBe(200);
    expect((await sql.query('select nope')).status).toBe(422);
    expect((await sql.transaction([{ sql: 'select 1' }, { sql: 'select 2' }])).status).toBe(200);
    const forbidden = clientOf(gateway, await rig.platform.userToken('stranger'), { 'x-ultracore-tenant-id': id });
    expect((await forbidden.query('select 1')).status).toBe(403);
    await gateway.stop();
    const events = await usageOf(id, 'metered');
    expect(events.length).toBeGreaterThan(1);
    expect(new Set(events.map((event) => event['event_id'])).size).toBe(events.length);
    expect({ queries: sum(events, 'query_count'), errors: sum(events, 'error_count'), rows: sum(events, 'row_count') }).toEqual({
      queries: 24,
      errors: 1,
      rows: 103,
    });
    for (const field of ['bytes_in', 'bytes_out', 'busy_seconds', 'connection_seconds'])
      expect(sum(events, field), field).toBeGreaterThan(0);
    const windows = events
      .map((event) => [String(event['window_start']), String(event['recorded_at'])] as const)
      .sort(([a], [b]) => a.localeCompare(b));
    for (const [index, [start]] of windows.entries()) {
      if (index > 0) expect(Date.parse(start)).toBeGreaterThanOrEqual(Date.parse(windows[index - 1]?.[1] ?? ''));
    }
    expect(await usageOf(idle, 'metered')).toEqual([]);
  });
});

describe('a gateway that is told to stop', () => {
  test('ends what runs, takes nothing new, leaves no connection and exits with 0', async () => {
    const { id } = rig.tenant('enterprise');
    const gateway = await another('stopped');
    const sql = await clientAt(gateway, id);
    await waitFor(async () => (await sql.query('select 1')).status === 200, { what: 'the first statement' });
    const [short, stream] = [
      sql.query('select pg_sleep(1), 42 as answer'),
      sql.stream('select generate_series(1, 3) as n, pg_sleep(0.3)'),
    ];
    await isRunning(id, 'select pg_sleep(1), 42 as answer');
    gateway.kill('SIGTERM');
    expect((await short).body).toMatchObject({ rows: [{ answer: 42 }] });
    expect((await stream).at(-1)).toEqual({ row_count: 3, command: 'SELECT' });
    expect(await gateway.exited).toMatchObject({ code: 0 });
    const left = await sessionsOf(rig.platform.stack, id);
    expect(left.filter(({ query }) => query.includes('pg_sleep'))).toEqual([]);
  });

  test('ends what takes longer than it can wait, and says so', async () => {
    const { id } = rig.tenant('enterprise');
    const gateway = await another('impatient', { GATEWAY_DRAIN_SECONDS: '0' });
    const sql = await clientAt(gateway, id);
    await waitFor(async () => (await sql.query('select 1')).status === 200, { what: 'the first statement' });
    const [read, change] = [sql.query(LONG), sql.query('select pg_sleep(50)')];
    await Promise.all([isRunning(id, LONG), isRunning(id, 'select pg_sleep(50)')]);
    gateway.kill('SIGTERM');
    const { status, body, headers } = await read;
    expect({ status, code: body['code'], retry: headers.get('retry-after') }).toEqual({
      status: 503,
      code: 'stopping',
      retry: '1',
    });
    // Nobody knows what a function does that is not known to be harmless.
    expect((await change).body['code']).toBe('outcome_unknown');
    expect(await gateway.exited).toMatchObject({ code: 0 });
  });
});

describe('when every connection is ended from the server’s side', () => {
  test('what only read may be sent again, what may have changed something says so, and the next statement runs', async () => {
    const { id, sql } = rig.tenant('small');
    const kill = async (text: string) => {
      await isRunning(id, text);
      await terminateSessions(
        rig.platform.stack,
        (await sessionsOf(rig.platform.stack, id)).map(({ pid }) => pid),
      );
    };
    const READ = 'select count(*)::int as n from generate_series(1, 5000) a, generate_series(1, 5000) b';
    const [counted] = await Promise.all([sql.query(READ), kill(READ)]);
    if (counted.status === 200) expect(counted.body).toMatchObject({ rows: [{ n: 25_000_000 }] });
    else expect({ ...counted.body, status: counted.status }).toMatchObject({ status: 503, code: 'connection_lost' });

    const insert = `insert into clients (kind, given_name, family_name) select 'person', 'Lost', pg_sleep(5)::text`;
    const [written] = await Promise.all([sql.query(insert), kill(insert)]);
    expect({ status: written.status, code: written.body['code'] }).toEqual({ status: 503, code: 'outcome_unknown' });
    expect(await sql.value('select 42')).toBe(42);

    const transaction = [
      { sql: `insert into clients (kind, given_name, family_name) values ('person', 'Lost', 'x')` },
      { sql: 'select pg_sleep(5)' },
    ];
    const [undone] = await Promise.all([sql.transaction(transaction), kill('select pg_sleep(5)')]);
    expect({ status: undone.status, code: undone.body['code'] }).toEqual({ status: 503, code: 'connection_lost' });
    expect(await sql.value(`select count(*)::int from clients where given_name = 'Lost'`)).toBe(0);
    await untilQuiet(rig.platform.stack, id);
  });
});
