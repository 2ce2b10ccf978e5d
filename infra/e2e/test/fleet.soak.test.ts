import { FORWARD_BOUNDARIES } from '@ultracore/provisioning-worker/boundaries';
import { BOUNDARIES, ROLLOUT_BOUNDARIES } from '@ultracore/registry/boundaries';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFleet, createMigrationsFolder, rollOutDespiteKillAt, type MigrationsFolder } from '../src/fleet.ts';
import { createPlatform, type Platform } from '../src/platform.ts';

let platform: Platform;
let folder: MigrationsFolder;
let ids: readonly string[];
beforeAll(async () => {
  [platform, folder] = await Promise.all([createPlatform(), createMigrationsFolder()]);
  await Promise.all([platform.start('registry'), platform.start('provisioning-worker')]);
  ids = await createFleet(platform, ['standard', 'enterprise', 'standard']);
});
afterAll(async () => {
  await platform?.[Symbol.asyncDispose]();
  await folder?.[Symbol.asyncDispose]();
});

let last = 9_000;
const nextVersion = (): string => String((last += 1));

/** Those that a registry meets while a rollout runs, whoever calls it. */
const MET = BOUNDARIES.filter((name) => !name.startsWith('append:'));

describe('a rollout over standard and enterprise tenants', () => {
  test.for([...ROLLOUT_BOUNDARIES, ...MET])('survives a kill -9 of the registry at %s', async (boundary) => {
    expect.hasAssertions();
    await rollOutDespiteKillAt({ platform, folder, ids }, 'registry', boundary, nextVersion());
  });
  test.for(FORWARD_BOUNDARIES.migrate.standard)('survives a kill -9 of the worker at %s', async (boundary) => {
    expect.hasAssertions();
    await rollOutDespiteKillAt({ platform, folder, ids }, 'provisioning-worker', boundary, nextVersion());
  });
});
