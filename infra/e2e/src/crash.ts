import { randomUUID } from 'node:crypto';
import { waitFor } from '@ultracore/testkit';
import { expect } from 'vitest';
import { faultsOf } from './convergence.ts';
import type { Tier } from './homes.ts';
import type { Platform, ServiceName } from './platform.ts';
import { freshId } from './tenants.ts';

/**
 * Creates a tenant while one service is set to kill itself at a boundary, checks that it did die there, starts it again without
 * the trap and checks that the tenant ends complete, once, with nothing left over. The other service runs throughout.
 */
export async function surviveKillAt(platform: Platform, service: ServiceName, boundary: string, tier: Tier): Promise<void> {
  const id = freshId('crash');
  const key = randomUUID();
  const other: ServiceName = service === 'registry' ? 'provisioning-worker' : 'registry';
  await Promise.all(platform.running(service).map((running) => running.stop()));
  const [trapped] = await Promise.all([
    platform.start(service, { crashAt: boundary }),
    platform.running(other).length > 0 ? undefined : platform.start(other),
  ]);
  const create = () => platform.api('operator').create({ tenant_id: id, tier }, key);
  // The registry may die before it answers: its caller then does what every caller does, and asks again under the same key.
  const first = await create().catch(() => undefined);
  await waitFor(() => !trapped.isAlive(), {
    what: `${service} to kill itself at ${boundary} (log ${trapped.logFile})`,
    deadlineMs: 60_000,
  });
  expect(await trapped.exited, trapped.logFile).toMatchObject({ signal: 'SIGKILL' });

  await platform.start(service);
  if (first?.status !== 202) expect((await create()).status).toBe(202);
  expect(await faultsOf(platform.stack, platform.api(), id, tier), `after a kill at ${boundary}`).toEqual([]);
}
