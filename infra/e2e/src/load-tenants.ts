import { expect } from 'vitest';
import { clientOf } from './gateway.ts';
import type { LoadTenant } from './mixed-load.ts';
import type { Platform, RunningService } from './platform.ts';
import { freshId } from './tenants.ts';
import { waitFor } from '@ultracore/testkit';

/** Active tenants of all tiers, each with one row `Load`, known to the gateway. */
export async function loadTenants(platform: Platform, gateway: RunningService, perTier: number): Promise<LoadTenant[]> {
  const tiers = Array.from({ length: perTier }, () => ['enterprise', 'standard', 'small']).flat();
  return Promise.all(
    tiers.map(async (tier) => {
      const id = freshId('load');
      expect((await platform.api().create({ tenant_id: id, tier })).status).toBe(202);
      await platform.api().untilStatus(id);
      const token = await platform.tenantToken({ tenantId: id });
      const sql = clientOf(gateway, token);
      const insert = `insert into clients (kind, family_name) values ('person', 'Load')`;
      await waitFor(async () => (await sql.query(insert)).status === 200, {
        what: `the gateway to know ${id}`,
        deadlineMs: 60_000,
      });
      return { id, token };
    }),
  );
}
