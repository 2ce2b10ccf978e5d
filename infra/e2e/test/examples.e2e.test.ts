import { uniqueName, waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startExample, startExampleLocally, type Example } from '../src/example.ts';
import type { Tier } from '../src/homes.ts';
import { createPlatform, type Platform, type RunningService } from '../src/platform.ts';
import { freshId } from '../src/tenants.ts';
import { beginAt, endOf, forgetGroup } from '../src/topics.ts';

const TIERS: readonly Tier[] = ['enterprise', 'standard', 'small'];
const LIFECYCLE = 'multitenancy.lifecycle';
const NESTLE = 'CH0038863350';

let platform: Platform;
let gateway: RunningService;
let example: Example;
/** What the topic held before the tenants of this file. */
let before: ReadonlyMap<number, string>;
const tenants: string[] = [];

const groupFrom = async (offsets: ReadonlyMap<number, string>): Promise<string> => {
  const group = uniqueName('producer.example');
  await beginAt(platform.stack, group, LIFECYCLE, offsets);
  return group;
};

const onboard = async (tier: Tier): Promise<string> => {
  const id = freshId('firm');
  const created = await platform.api().create({ tenant_id: id, tier });
  expect(created.status, created.text).toBe(202);
  return id;
};

interface Portfolio {
  readonly portfolio_id: string;
  readonly name: string;
  readonly total_value: string;
}

const portfoliosOf = async (of: Example, id: string): Promise<Portfolio[]> => {
  const { status, body, text } = await of.call(id, '/v1/portfolios');
  if (status !== 200) throw new Error(`${status} ${text}`);
  return body['portfolios'] as Portfolio[];
};

const untilModelled = (of: Example, id: string): Promise<Portfolio> =>
  waitFor(async () => (await portfoliosOf(of, id))[0], { what: `the model portfolio of ${id}`, deadlineMs: 60_000 });

beforeAll(async () => {
  platform = await createPlatform();
  before = await endOf(platform.stack, LIFECYCLE);
  await Promise.all([platform.start('registry'), platform.start('provisioning-worker')]);
  gateway = await platform.start('pool-gateway');
  example = await startExample(platform, { gateway, group: await groupFrom(before) });
  tenants.push(...(await Promise.all(TIERS.map(onboard))));
});
afterAll(async () => {
  await example?.[Symbol.asyncDispose]();
  await platform?.[Symbol.asyncDispose]();
});

describe('the example service', () => {
  test('gives every tenant that becomes active a model portfolio, each its own', async () => {
    const models = await Promise.all(tenants.map((id) => untilModelled(example, id)));
    expect(models.map(({ name }) => name)).toEqual(tenants.map(() => 'Model: Balanced'));
    expect(new Set(models.map(({ portfolio_id: id }) => id)).size).toBe(tenants.length);
    for (const [index, id] of tenants.entries()) {
      const { body } = await example.call(id, `/v1/portfolios/${models[index]?.portfolio_id}`);
      expect(body['positions']).toMatchObject([
        { isin: NESTLE, quantity: '20.00000000', price: '83.20000000', market_value: '1664.00' },
        { isin: 'IE00B4L5Y983', quantity: '50.00000000' },
        { isin: 'IE00BK5BQT80', quantity: '30.00000000' },
      ]);
    }
  });

  test('changes nothing when the same events come again', async () => {
    const had = await Promise.all(tenants.map((id) => portfoliosOf(example, id)));
    await using again = await startExample(platform, { gateway, group: await groupFrom(before) });
    await waitFor(
      () =>
        tenants.every((id) =>
          again
            .output()
            .split('\n')
            .some((line) => line.includes(`"tenant_id":"${id}"`) && line.includes('"is_new":false')),
        ),
      { what: 'all activations to be handled again', deadlineMs: 60_000 },
    );
    expect(await Promise.all(tenants.map((id) => portfoliosOf(again, id)))).toEqual(had);
  });
});

describe.for(['the gateway', 'logins of its own'] as const)('over %s, many requests of several tenants at once', (way) => {
  let service: Example;
  beforeAll(async () => {
    service = await startExample(platform, {
      gateway,
      group: await groupFrom(await endOf(platform.stack, LIFECYCLE)),
      ...(way === 'the gateway' ? {} : { withLoginsOf: tenants }),
    });
  });
  afterAll(() => service?.[Symbol.asyncDispose]());

  test('each write and read their own tenant’s clients, orders, cases and reports', async () => {
    const mark = way === 'the gateway' ? 'G' : 'P';
    const models = new Map(await Promise.all(tenants.map(async (id) => [id, await untilModelled(service, id)] as const)));
    const work = async (id: string, number: number): Promise<void> => {
      const reference = `${mark}-${id}-${number}`;
      const client = { external_reference: reference, given_name: 'Ada', family_name: id };
      const made = await service.call(id, '/v1/clients', { body: client });
      expect([made.status, made.body['name']], made.text).toEqual([201, `Ada ${id}`]);
      const order = { client_order_id: reference, isin: NESTLE, side: 'buy', quantity: number === 0 ? '5000' : '1.5' };
      const path = `/v1/portfolios/${models.get(id)?.portfolio_id}/orders`;
      const placed = await service.call(id, path, { body: order });
      expect([placed.status, placed.body['client_order_id']], placed.text).toEqual([201, reference]);
      const repeated = await service.call(id, path, { body: order });
      expect([repeated.status, repeated.body['order_id']], repeated.text).toEqual([200, placed.body['order_id']]);
      const changed = await service.call(id, path, { body: { ...order, side: 'sell' } });
      expect([changed.status, changed.body['code']]).toEqual([409, 'order_exists']);
    };
    await Promise.all(tenants.flatMap((id) => [0, 1, 2, 3].map((number) => work(id, number))));

    await Promise.all(
      tenants.map(async (id) => {
        const { body: clients } = await service.call(id, '/v1/clients');
        expect(new Set((clients['clients'] as { name: string }[]).map(({ name }) => name))).toEqual(new Set([`Ada ${id}`]));
        const { body: compliance } = await service.call(id, '/v1/compliance/cases');
        const cases = (compliance['cases'] as { case_number: string }[]).map(({ case_number: number }) => number);
        expect(cases.filter((number) => number.includes(`-${mark}-`))).toEqual([`ORDER-${mark}-${id}-0`]);
        const report = await service.call(id, '/v1/reports/holdings.csv');
        expect(report.headers.get('content-type')).toBe('text/csv; charset=utf-8');
        expect(report.text.trimEnd().split('\r\n')).toEqual([
          'portfolio,isin,instrument,quantity,value,currency',
          `Model: Balanced,${NESTLE},Nestlé,20.00000000,1664.00,CHF`,
          'Model: Balanced,IE00B4L5Y983,iShares Core MSCI World,50.00000000,,CHF',
          'Model: Balanced,IE00BK5BQT80,Vanguard FTSE All-World,30.00000000,,CHF',
        ]);
      }),
    );
  });

  test('neither find another tenant’s portfolio nor get at it by its header', async () => {
    const [first = '', second = ''] = tenants;
    const model = await untilModelled(service, first);
    const guessed = await service.call(second, `/v1/portfolios/${model.portfolio_id}`);
    expect([guessed.status, guessed.body['code']], guessed.text).toEqual([404, 'not_found']);
    const order = { client_order_id: 'a-foreign-one', isin: NESTLE, side: 'buy', quantity: '1' };
    expect((await service.call(second, `/v1/portfolios/${model.portfolio_id}/orders`, { body: order })).status).toBe(404);
    const named = await service.call(second, '/v1/portfolios', { headers: { 'x-ultracore-tenant-id': first } });
    expect([named.status, named.body['code']]).toEqual([403, 'tenant_mismatch']);
  });

  test('write nothing with a token for reading, and are told so', async () => {
    const [id = ''] = tenants;
    const body = { external_reference: `${way}-read`, given_name: 'Eve', family_name: id };
    const refused = await service.call(id, '/v1/clients', { body, readonly: true });
    expect(refused.status, refused.text).toBe(403);
    expect((await service.call(id, '/v1/clients', { readonly: true })).status).toBe(200);
  });

  test('of a tenant that there is none of are refused', async () => {
    const refused = await service.call(freshId('nobody'), '/v1/portfolios');
    expect(refused.status, refused.text).toBeGreaterThanOrEqual(403);
    expect(refused.status).toBeLessThanOrEqual(404);
  });
});

describe('what an operator decides', () => {
  const decide = async (id: string, method: string, path: string, body: object): Promise<void> => {
    const answer = await platform.api().request(method, `/v1/tenants/${id}${path}`, { body });
    expect(answer.status, answer.text).toBe(202);
  };
  const codeOf = async (...call: Parameters<Example['call']>): Promise<unknown> => {
    const { status, body } = await example.call(...call);
    return status < 300 ? status : body['code'];
  };
  const until = (what: string, expected: unknown, ...call: Parameters<Example['call']>) =>
    waitFor(async () => (await codeOf(...call)) === expected, { what });

  test('a suspended tenant is refused, and served again when it is back', async () => {
    const [id = ''] = tenants;
    await decide(id, 'POST', '/suspend', { reason: 'A test of what becomes of its requests.' });
    await until('the suspension', 'tenant_suspended', id, '/v1/portfolios');
    await decide(id, 'POST', '/reactivate', {});
    await until('its return', 200, id, '/v1/portfolios');
    expect(await portfoliosOf(example, id)).toHaveLength(1);
  });

  test('a user without a tenant of its own has no more than its grant: nothing, then reading, then writing', async () => {
    const [, id = ''] = tenants;
    const token = platform.tokens.creator;
    const writing = (reference: string) => ({
      token,
      body: { external_reference: `granted-${reference}`, given_name: 'Ada', family_name: id },
    });
    expect(await codeOf(id, '/v1/clients', { token })).toBe('tenant_forbidden');
    await decide(id, 'PUT', '/grants/local-creator', { role: 'analyst' });
    await until('the grant for reading', 200, id, '/v1/clients', { token });
    expect((await example.call(id, '/v1/clients', writing('no'))).status).toBe(403);
    await decide(id, 'PUT', '/grants/local-creator', { role: 'developer' });
    await until('the grant for writing', 201, id, '/v1/clients', writing('yes'));
  });
});

test('`npm run example` brings it up beside a local stack, where the tenant’s token is enough, and takes it down again', async () => {
  const [id = ''] = tenants;
  const group = 'producer.example-portfolios';
  await beginAt(platform.stack, group, LIFECYCLE, await endOf(platform.stack, LIFECYCLE));
  {
    await using local = await startExampleLocally(platform, gateway);
    await waitFor(() => local.started.output().includes('example-portfolios is up'), { what: 'the example', deadlineMs: 60_000 });
    const headers = { authorization: `Bearer ${await platform.tenantToken({ tenantId: id })}` };
    const answer = await fetch(`${local.url}/v1/portfolios`, { headers });
    expect(await answer.json()).toMatchObject({ portfolios: [{ name: 'Model: Balanced' }] });
    await local.started.stop();
    await expect(fetch(`${local.url}/livez`)).rejects.toThrow('fetch failed');
  }
  await forgetGroup(platform.stack, group);
});
