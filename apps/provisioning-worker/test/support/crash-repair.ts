import { expect } from 'vitest';
import { REPAIR_BOUNDARIES, type BoundaryName } from '../../src/provisioning/boundaries.ts';
import { createActiveTenant } from './active-tenant.ts';
import { idOf } from './crash.ts';
import { asTenant } from './homes.ts';
import { untilSettled } from './leases.ts';
import { createRig, type HomeServer } from './rig.ts';
import { spawnWorker } from './spawn-child.ts';

/**
 * A worker dies while it opens or closes the logins of a tenant, and before another comes the directory wants again what was there
 * before: the other finds out how the logins are, and brings them in line with that.
 */
export async function repairDespiteKillAt(server: HomeServer, boundary: BoundaryName): Promise<void> {
  await using rig = await createRig(server.postgres);
  const first = await rig.worker([server]);
  const registry = await createActiveTenant(rig, server, idOf('l', 'standard', boundary), 'standard');
  const isClosing = REPAIR_BOUNDARIES.closing.some((each) => each === boundary);
  const [before, asked] = isClosing ? (['active', 'suspended'] as const) : (['suspended', 'active'] as const);
  await registry.change({ status: before });
  await untilSettled(rig.pool);
  await first.stop();
  await using child = await spawnWorker(rig, [server], { at: boundary });
  await registry.change({ status: asked });
  expect(await child.exited).toMatchObject({ signal: 'SIGKILL' });

  await registry.change({ status: before });
  await rig.worker([server]);
  await untilSettled(rig.pool);
  for (const login of ['readwrite', 'readonly'] as const) {
    const entered = asTenant(registry.row(), rig.keyRing, 'select 1 as one', login);
    if (before === 'active') expect(await entered).toEqual([{ one: 1 }]);
    else await expect(entered).rejects.toMatchObject({ code: '28000' });
  }
}
