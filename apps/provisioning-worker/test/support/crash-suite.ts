import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  FAILURE_BOUNDARIES,
  FORWARD_BOUNDARIES,
  REPAIR_BOUNDARIES,
  STEP_BOUNDARIES,
  UNDO_BOUNDARIES,
} from '../../src/provisioning/boundaries.ts';
import { failDespiteKillAt } from './crash-failure.ts';
import { migrateDespiteKillAt, purgeDespiteKillAt, rotateDespiteKillAt } from './crash-forward.ts';
import { repairDespiteKillAt } from './crash-repair.ts';
import { surviveKillAt, undoDespiteKillAt } from './crash.ts';
import { startHomeServer, type HomeServer } from './rig.ts';

/** Kills a worker at those boundaries that are picked, of all that it does to a tenant. */
export function describeKills(pick: (boundaries: readonly string[]) => readonly string[]): void {
  let server: HomeServer;
  let unmigrated: HomeServer;
  beforeAll(async () => {
    [server, unmigrated] = await Promise.all([startHomeServer('one'), startHomeServer('two')]);
  });
  afterAll(async () => {
    await Promise.all([server.postgres.stop(), unmigrated.postgres.stop()]);
  });

  describe.each(['enterprise', 'standard', 'small'] as const)('a worker killed at work on a %s tenant', (tier) => {
    it.each(pick(STEP_BOUNDARIES[tier]))(
      'at %s: the next one completes the home, with one password and no fact twice',
      async (boundary) => {
        expect.hasAssertions();
        await surviveKillAt(server, tier, boundary);
      },
    );
    it.each(pick(UNDO_BOUNDARIES[tier]))(
      'undoing, at %s: the next one leaves nothing behind and tells the failure',
      async (boundary) => {
        expect.hasAssertions();
        await undoDespiteKillAt(unmigrated, tier, boundary);
      },
    );
    it.each(pick(FORWARD_BOUNDARIES.rotate[tier]))(
      'rotating, at %s: the next one puts one new password into force and the old one out of it',
      async (boundary) => {
        expect.hasAssertions();
        await rotateDespiteKillAt(server, tier, boundary);
      },
    );
    it.each(pick(FORWARD_BOUNDARIES.purge[tier]))(
      'purging, at %s: the next one leaves nothing behind and tells all that there was',
      async (boundary) => {
        expect.hasAssertions();
        await purgeDespiteKillAt(server, tier, boundary);
      },
    );
    it.each(pick(FORWARD_BOUNDARIES.migrate[tier]))(
      'migrating, at %s: the next one brings the home to the version, and tells it once',
      async (boundary) => {
        expect.hasAssertions();
        await migrateDespiteKillAt(server, tier, boundary);
      },
    );
  });

  describe('a worker killed at work on a tenant of whatever tier', () => {
    it.each(pick(Object.values(FAILURE_BOUNDARIES).flat()))(
      'failing, at %s: the next one tells the failure, once',
      async (boundary) => {
        expect.hasAssertions();
        await failDespiteKillAt(server, boundary);
      },
    );
    it.each(pick(Object.values(REPAIR_BOUNDARIES).flat()))(
      'at %s of logins: the next one leaves them as they are wanted, though the wish went back meanwhile',
      async (boundary) => {
        expect.hasAssertions();
        await repairDespiteKillAt(server, boundary);
      },
    );
  });
}
