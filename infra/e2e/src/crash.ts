import { randomUUID } from 'node:crypto';
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
  const trapped = await platform.start(service, { crashAt: boundary });
  const other = await platform.start(service === 'registry' ? 'provisioning-worker' : 'registry');
  const create = () => platform.api('operator').create({ tenant_id: id, tier }, key);
  // The registry may die before it answers: its caller then does what every caller does, and asks again under the same key.
  const first = await create().catch(() => undefined);
  const ended = await trapped.exited;
  expect(ended, `${service} was to kill itself at ${boundary}; log ${trapped.logFile}`).toMatchObject({ signal: 'SIGKILL' });

  const restarted = await platform.start(service);
  const api = platform.api();
  if (first?.status !== 202) expect((await create()).status).toBe(202);
  expect(await faultsOf(platform.stack, api, id, tier), `after a kill at ${boundary}`).toEqual([]);
  await Promise.all([restarted.stop(), other.stop()]);
}
