import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { gatewayOf, type TenantGateway } from '../src/gateway.ts';
import type { Tier } from '../src/homes.ts';
import { createPlatform, type Platform, type RunningService } from '../src/platform.ts';
import { freshId } from '../src/tenants.ts';

const TIERS: readonly Tier[] = ['enterprise', 'standard', 'small'];

let platform: Platform;
let gateway: RunningService;
const tenants = new Map<Tier, { id: string; sql: TenantGateway }>();

beforeAll(async () => {
  platform = await createPlatform();
  await Promise.all([platform.start('registry'), platform.start('provisioning-worker')]);
  gateway = await platform.start('pool-gateway');
  await Promise.all(
    TIERS.map(async (tier) => {
      const id = freshId('gw');
      expect((await platform.api().create({ tenant_id: id, tier })).status).toBe(202);
      await platform.api().untilStatus(id);
      tenants.set(tier, { id, sql: await gatewayOf(platform, gateway, id) });
    }),
  );
});
afterAll(() => platform?.[Symbol.asyncDispose]());

const of = (tier: Tier) => {
  const tenant = tenants.get(tier);
  if (tenant === undefined) throw new Error(`no tenant of ${tier}`);
  return tenant;
};

describe.for(TIERS)('a tenant of tier %s', (tier) => {
  test('runs its SQL as itself', async () => {
    const { id, sql } = of(tier);
    const answer = await sql.query('select ultracore.current_tenant_id() as tenant, $1::int8 as n', ['42']);
    expect(answer.text).toBe(
      `{"columns":[{"name":"tenant","type":"text","type_oid":25},{"name":"n","type":"int8","type_oid":20}],"rows":[{"tenant":"${id}","n":"42"}],"row_count":1,"command":"SELECT"}`,
    );
  });
});
