import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { clientOf, startGatewayRig, type GatewayClient, type GatewayRig } from '../src/gateway.ts';
import { homeObjects, loginOf, withClient, type Login } from '../src/homes.ts';
import { askByKafka, rejectionOf, rejectionsOf } from '../src/requests.ts';
import { sessionsOf } from '../src/sessions.ts';

let rig: GatewayRig;
beforeAll(async () => {
  rig = await startGatewayRig(['enterprise', 'standard', 'small']);
});
afterAll(() => rig?.[Symbol.asyncDispose]());

const DEADLINE = { deadlineMs: 60_000 };
const because = { reason: 'because' };

/** An operator’s request about a tenant. */
async function operate(method: string, id: string, path: string, body: unknown = {}) {
  const answer = await rig.platform.api().request(method, `/v1/tenants/${id}${path}`, method === 'DELETE' ? {} : { body });
  expect(answer.status, answer.text).toBe(202);
  return answer.body;
}

const until = (what: string, condition: () => Promise<boolean>) => waitFor(condition, { what, ...DEADLINE });
const told = async (sql: GatewayClient, text = 'select 1') => {
  const { status, body } = await sql.query(text);
  return status === 200 ? 'answered' : String(body['code']);
};
const untilTold = (sql: GatewayClient, wanted: string, text?: string) =>
  until(`the gateway to say ${wanted}`, async () => (await told(sql, text)) === wanted);

/** What Postgres says to a login: nothing, or the code of its refusal. */
async function loginFault(login: Login): Promise<string | undefined> {
  try {
    await withClient({ stack: rig.platform.stack, ...login }, (client) => client.query('select 1'));
    return undefined;
  } catch (error) {
    return String((error as { code?: unknown }).code);
  }
}
const NOT_PERMITTED = '28000';
const WRONG_PASSWORD = '28P01';

const typesOf = (id: string) => rig.platform.api().history(id);

describe('a suspension', () => {
  test('reaches the gateway, ends the sessions and closes both logins; a reactivation restores them', async () => {
    const { id, sql } = rig.tenant('standard');
    const { stack } = rig.platform;
    const logins = [await loginOf(stack, id), await loginOf(stack, id, 'readonly')];
    expect(await told(sql)).toBe('answered');
    await operate('POST', id, '/suspend', because);
    await untilTold(sql, 'tenant_suspended');
    for (const login of logins) {
      await until(`${login.user} to be shut out`, async () => (await loginFault(login)) === NOT_PERMITTED);
    }
    await until('no session to be left', async () => (await sessionsOf(stack, id)).length === 0);
    await operate('POST', id, '/reactivate');
    for (const login of logins) await until(`${login.user} to be let in`, async () => (await loginFault(login)) === undefined);
    await untilTold(sql, 'answered');
  });
});

describe('access', () => {
  test('that is granted for reading reads and does not write, and is gone when it is revoked', async () => {
    const { id } = rig.tenant('small');
    const eve = clientOf(rig.gateway, await rig.platform.userToken('eve'), { 'x-ultracore-tenant-id': id });
    expect(await told(eve)).toBe('tenant_forbidden');
    await operate('PUT', id, '/grants/eve', { role: 'analyst' });
    await untilTold(eve, 'answered', 'select count(*) from clients');
    const write = `insert into clients (kind, given_name, family_name) values ('person', 'By', 'Eve')`;
    expect((await eve.query(write)).body).toMatchObject({ status: 403, sqlstate: '42501' });
    await operate('PUT', id, '/grants/eve', { role: 'developer' });
    await untilTold(eve, 'answered', write);
    await operate('DELETE', id, '/grants/eve');
    await untilTold(eve, 'tenant_forbidden');
  });
});

describe('the size of a pool', () => {
  test('reaches the roles of the tenant', async () => {
    const { id } = rig.tenant('enterprise');
    const limits = () =>
      withClient({ stack: rig.platform.stack }, async (client) => {
        const login = `uc_${id.replaceAll('-', '_')}`;
        const { rows } = await client.query<{ limit: number }>(
          'select rolconnlimit as limit from pg_roles where rolname = any($1)',
          [[login, `${login}__ro`]],
        );
        return rows.map(({ limit }) => limit);
      });
    const before = await limits();
    await operate('PUT', id, '/pool', { min_connections: 2, max_connections: 60, ...because });
    expect(before).toHaveLength(2);
    await until('another connection limit', async () => (await limits()).every((limit, n) => limit > (before[n] ?? Infinity)));
  });
});

describe('a request over Kafka', () => {
  test('is decided as an operator’s, and answered by what happens or by one refusal', async () => {
    const { id, sql } = rig.tenant('small');
    const { stack } = rig.platform;
    const asked = await askByKafka(stack, id, { name: 'suspend', reason: 'unpaid' });
    await untilTold(sql, 'tenant_suspended');
    const { body } = await rig.platform.api().request('GET', `/v1/tenants/${id}/events?limit=200`);
    const events = body['events'] as { type: string; actor: string; causation_id: string }[];
    expect(events.at(-1)).toMatchObject({ type: 'TenantSuspendedEvent', actor: 'crm', causation_id: asked });

    const again = await askByKafka(stack, id, { name: 'suspend', reason: 'unpaid' });
    expect(await rejectionOf(stack, again)).toBe('already_suspended');
    // Delivered once more: what was said is said. The request after it shows that it was met.
    await askByKafka(stack, id, { name: 'suspend', reason: 'unpaid' }, again);
    await askByKafka(stack, id, { name: 'suspend', reason: 'unpaid' }, asked);
    const forbidden = await askByKafka(stack, id, { name: 'terminate', reason: 'over', data_retention_days: 1 });
    expect(await rejectionOf(stack, forbidden)).toBe('command_not_allowed');
    expect(await rejectionsOf(stack, again)).toHaveLength(1);
    expect(await rejectionsOf(stack, asked)).toEqual([]);

    await askByKafka(stack, id, { name: 'reactivate' });
    await untilTold(sql, 'answered');
    expect((await typesOf(id)).filter((type) => type === 'TenantSuspendedEvent')).toHaveLength(1);
  });
});

describe('a rotation', () => {
  test('is watched step by step, fails no statement, and shuts the old password out', async () => {
    const { id, sql } = rig.tenant('standard');
    const { stack } = rig.platform;
    const [before, beforeReading] = [await loginOf(stack, id), await loginOf(stack, id, 'readonly')];
    const watching = new AbortController();
    const [registry] = rig.platform.running('registry');
    const live = await fetch(`${registry?.url}/v1/tenants/${id}/events`, {
      headers: { authorization: `Bearer ${rig.platform.tokens.operator}`, accept: 'text/event-stream' },
      signal: watching.signal,
    });
    const seen: string[] = [];
    let rest = '';
    const watch = async (): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const chunk of live.body ?? []) {
        const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) if (line.startsWith('data: ')) seen.push((JSON.parse(line.slice(6)) as { type: string }).type);
      }
    };
    const watched = watch().catch(() => undefined);
    const answers: string[] = [];
    const rotated = new AbortController();
    const load = (async () => {
      while (!rotated.signal.aborted) answers.push(await told(sql), await told(sql, 'select count(*) from clients'));
    })();
    await operate('POST', id, '/rotate', because);
    await until('the rotation to be told', async () => seen.includes('TenantPasswordRotatedEvent'));
    rotated.abort();
    await load;
    watching.abort();
    await watched;
    expect(seen.slice(-3)).toEqual([
      'TenantPasswordRotationRequestedEvent',
      'TenantCredentialsIssuedEvent',
      'TenantPasswordRotatedEvent',
    ]);
    expect(new Set(answers)).toEqual(new Set(['answered']));
    for (const old of [before, beforeReading]) expect(await loginFault(old)).toBe(WRONG_PASSWORD);
    await until('the new password in the read model', async () => (await loginOf(stack, id)).password !== before.password);
    expect(await loginFault(await loginOf(stack, id))).toBeUndefined();
    expect(await told(sql)).toBe('answered');
  });
});

describe('a termination', () => {
  test('closes the logins at once and keeps the data until an operator confirms the purge, which leaves nothing', async () => {
    const { id, sql, tier } = rig.tenant('standard');
    const { stack } = rig.platform;
    const login = await loginOf(stack, id);
    await operate('POST', id, '/terminate', { ...because, data_retention_days: 30 });
    await until('the gateway to refuse', async () => (await told(sql)) !== 'answered');
    await until('the login to be shut out', async () => (await loginFault(login)) === NOT_PERMITTED);
    expect(await homeObjects(stack, id, tier)).toHaveLength(3);
    await operate('POST', id, '/purge', { ...because, confirm: id, before_retention_ends: true });
    const purged = await rig.platform.api().untilStatus(id, ['purged']);
    expect(purged).toMatchObject({ db_name: null, db_username: null, requests: { purge: { outcome: 'done' } } });
    expect(await homeObjects(stack, id, tier)).toEqual([]);
    expect((await typesOf(id)).slice(-2)).toEqual(['TenantPurgeRequestedEvent', 'TenantDataPurgedEvent']);
  });

  test('without retention is purged by itself, and the same id lives again without anything of the old', async () => {
    const { id, sql: earlier, tier } = rig.tenant('enterprise');
    const write = `insert into clients (kind, given_name, family_name) values ('person', 'Of', 'Old')`;
    expect(await told(earlier, write)).toBe('answered');
    await operate('POST', id, '/terminate', { ...because, data_retention_days: 0 });
    await rig.platform.api().untilStatus(id, ['purged'], 120_000);
    expect(await homeObjects(rig.platform.stack, id, tier)).toEqual([]);
    expect((await rig.platform.api().create({ tenant_id: id, tier })).status).toBe(202);
    const again = await rig.platform.api().untilStatus(id);
    expect(again).toMatchObject({ life: 2 });
    const sql = clientOf(rig.gateway, await rig.platform.tenantToken({ tenantId: id }));
    await untilTold(sql, 'answered');
    expect(await sql.value('select count(*)::int from clients')).toBe(0);
    expect(await told(earlier)).toBe('tenant_forbidden');
    const types = await typesOf(id);
    expect(types.filter((type) => type === 'TenantCreatedEvent')).toHaveLength(2);
    expect(types).toContain('TenantDataPurgedEvent');
  });
});
