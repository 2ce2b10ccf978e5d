import type { Tier } from '@ultracore/contracts';
import { expect } from 'vitest';
import { playRegistry, type Registry } from './registry.ts';
import type { Rig } from './rig.ts';

/** A tenant whose home the running worker has made. */
export async function createActiveTenant(
  rig: Rig,
  place: { host: string; port: number },
  tenantId: string,
  tier: Tier,
): Promise<Registry> {
  const registry = playRegistry(rig.pool, place, tenantId, tier);
  await registry.create();
  expect(await registry.answer()).toBe('active');
  await registry.untilClosed();
  return registry;
}
