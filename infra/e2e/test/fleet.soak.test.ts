import { FORWARD_BOUNDARIES } from '@ultracore/provisioning-worker/boundaries';
import { BOUNDARIES, ROLLOUT_BOUNDARIES } from '@ultracore/registry/boundaries';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rollOutDespiteKillAt, startFleet, type Fleet } from '../src/fleet.ts';

let fleet: Fleet;
beforeAll(async () => {
  fleet = await startFleet(['standard', 'enterprise', 'standard']);
});
afterAll(() => fleet?.[Symbol.asyncDispose]());

let last = 9_000;
const nextVersion = (): string => String((last += 1));

/** Those that a registry meets while a rollout runs, whoever calls it. */
const MET = BOUNDARIES.filter((name) => !name.startsWith('append:'));

describe('a rollout over standard and enterprise tenants', () => {
  test.for([...ROLLOUT_BOUNDARIES, ...MET])('survives a kill -9 of the registry at %s', async (boundary) => {
    expect.hasAssertions();
    await rollOutDespiteKillAt(fleet, 'registry', boundary, nextVersion());
  });
  test.for(FORWARD_BOUNDARIES.migrate.standard)('survives a kill -9 of the worker at %s', async (boundary) => {
    expect.hasAssertions();
    await rollOutDespiteKillAt(fleet, 'provisioning-worker', boundary, nextVersion());
  });
});
