import { assert, asyncProperty } from 'fast-check';
import { expect, it } from 'vitest';
import { asTenant } from './support/homes.ts';
import { expectCatalogs, histories, live } from './support/history.ts';
import { createRig, startHomeServer } from './support/rig.ts';

const SEED = Number(process.env['ULTRACORE_TEST_SEED'] ?? Date.now()) % 0x7fffffff;

it(
  'whatever happens to tenants, in any order and across restarts, the catalogs end as the directory says',
  { timeout: 240_000 },
  async () => {
    expect.hasAssertions();
    let run = 0;
    const property = asyncProperty(histories, async (history) => {
      run += 1;
      const server = await startHomeServer(`run-${run}`);
      try {
        await using rig = await createRig(server.postgres);
        const rows = await live(rig, server, `h${run}`, history);
        await expectCatalogs(server, rows);
        for (const row of rows.filter(({ status }) => status === 'active')) {
          const asked = asTenant(row, rig.keyRing, 'select ultracore.current_tenant_id() as tenant', 'readonly');
          expect(await asked).toEqual([{ tenant: row.tenant_id }]);
        }
      } finally {
        await server.postgres.stop();
      }
    });
    // Each run is a server of its own: what failed is told by its seed, not made smaller.
    await assert(property, { numRuns: 2, seed: SEED, endOnFailure: true });
  },
);
