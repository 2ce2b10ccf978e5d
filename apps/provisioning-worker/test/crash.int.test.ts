import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FORWARD_BOUNDARIES, STEP_BOUNDARIES, UNDO_BOUNDARIES } from '../src/provisioning/boundaries.ts';
import { migrateDespiteKillAt, purgeDespiteKillAt, rotateDespiteKillAt } from './support/crash-forward.ts';
import { surviveKillAt, undoDespiteKillAt } from './support/crash.ts';
import { startHomeServer, type HomeServer } from './support/rig.ts';

let server: HomeServer;
let unmigrated: HomeServer;
beforeAll(async () => {
  [server, unmigrated] = await Promise.all([startHomeServer('one'), startHomeServer('two')]);
});
afterAll(async () => {
  await Promise.all([server.postgres.stop(), unmigrated.postgres.stop()]);
});

/** Every eighth boundary from one that differs between runs; the soak test goes through all of them. */
const EVERY = 8;
const first = Number(process.env['ULTRACORE_TEST_SEED'] ?? Date.now()) % EVERY;
const drawn = (boundaries: readonly string[]): string[] => boundaries.filter((_, index) => index % EVERY === first);

describe.each(['enterprise', 'standard', 'small'] as const)('a worker killed at work on a %s tenant', (tier) => {
  it.each(drawn(STEP_BOUNDARIES[tier]))(
    'at %s: the next one completes the home, with one password and no fact twice',
    (boundary) => surviveKillAt(server, tier, boundary),
  );
  it.each(drawn(UNDO_BOUNDARIES[tier]))(
    'undoing, at %s: the next one leaves nothing behind and tells the failure',
    async (boundary) => {
      expect.hasAssertions();
      await undoDespiteKillAt(unmigrated, tier, boundary);
    },
  );
  it.each(drawn(FORWARD_BOUNDARIES.rotate[tier]))(
    'rotating, at %s: the next one puts one new password into force and the old one out of it',
    async (boundary) => {
      expect.hasAssertions();
      await rotateDespiteKillAt(server, tier, boundary);
    },
  );
  it.each(drawn(FORWARD_BOUNDARIES.purge[tier]))(
    'purging, at %s: the next one leaves nothing behind and tells all that there was',
    async (boundary) => {
      expect.hasAssertions();
      await purgeDespiteKillAt(server, tier, boundary);
    },
  );
  it.each(drawn(FORWARD_BOUNDARIES.migrate[tier]))(
    'migrating, at %s: the next one brings the home to the version, and tells it once',
    async (boundary) => {
      expect.hasAssertions();
      await migrateDespiteKillAt(server, tier, boundary);
    },
  );
});
