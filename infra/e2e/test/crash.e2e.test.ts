import { STEP_BOUNDARIES } from '@ultracore/provisioning-worker/boundaries';
import { BOUNDARIES as REGISTRY_BOUNDARIES } from '@ultracore/registry/boundaries';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { surviveKillAt, surviveKillOfCommandAt } from '../src/crash.ts';
import { createPlatform, type Platform } from '../src/platform.ts';
import { seeded } from '../src/seed.ts';

/** One boundary of each step, drawn by the run's seed; `npm run test:soak` goes through all of them. */
const random = seeded();
const oneOfEachStep = (boundaries: readonly string[]): string[] => {
  const steps = Map.groupBy(boundaries, (name) => name.split(':')[0] ?? name);
  return [...steps.values()].flatMap((names) => names[random.below(names.length)] ?? []);
};

let platform: Platform;
beforeAll(async () => {
  platform = await createPlatform(undefined, { soonGivenUp: true });
});
afterAll(() => platform[Symbol.asyncDispose]());

describe(`a worker killed with SIGKILL (seed ${random.seed})`, () => {
  const kills = (['enterprise', 'standard', 'small'] as const).flatMap((tier) =>
    oneOfEachStep(STEP_BOUNDARIES[tier]).map((boundary) => ({ tier, boundary })),
  );
  test.for(kills)('$tier at $boundary: the tenant becomes active once, with nothing left over', ({ tier, boundary }) =>
    surviveKillAt(platform, 'provisioning-worker', boundary, tier),
  );
});

describe('a registry killed with SIGKILL', () => {
  test.for([...REGISTRY_BOUNDARIES])('at %s: no event is lost or doubled, and the tenant becomes active once', (boundary) =>
    surviveKillAt(platform, 'registry', boundary, 'small'),
  );

  test.for(REGISTRY_BOUNDARIES.filter((name) => !name.startsWith('fact:')))(
    'at %s: a tenant that was being suspended is suspended once, for everybody',
    (boundary) => expect(surviveKillOfCommandAt(platform, boundary)).resolves.toBeUndefined(),
  );
});
