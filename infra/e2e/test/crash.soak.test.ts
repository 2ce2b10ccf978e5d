import { STEP_BOUNDARIES } from '@ultracore/provisioning-worker/boundaries';
import { BOUNDARIES as REGISTRY_BOUNDARIES } from '@ultracore/registry/boundaries';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { surviveKillAt } from '../src/crash.ts';
import { createPlatform, type Platform } from '../src/platform.ts';

const TIERS = ['enterprise', 'standard', 'small'] as const;

let platform: Platform;
beforeAll(async () => {
  platform = await createPlatform(undefined, { soonGivenUp: true });
});
afterAll(() => platform[Symbol.asyncDispose]());

describe('the full matrix of kills', () => {
  test.for(TIERS.flatMap((tier) => STEP_BOUNDARIES[tier].map((boundary) => ({ tier, boundary }))))(
    'worker, $tier, at $boundary',
    ({ tier, boundary }) => surviveKillAt(platform, 'provisioning-worker', boundary, tier),
  );
  test.for(TIERS.flatMap((tier) => REGISTRY_BOUNDARIES.map((boundary) => ({ tier, boundary }))))(
    'registry, $tier, at $boundary',
    ({ tier, boundary }) => surviveKillAt(platform, 'registry', boundary, tier),
  );
});
