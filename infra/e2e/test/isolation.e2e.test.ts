import { ROOT } from '@ultracore/local';
import { spawnProcess } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Fronted, frontPlatform } from '../src/edge.ts';
import { createPlatform, type Platform } from '../src/platform.ts';

let platform: Platform;
let edge: Fronted;
beforeAll(async () => {
  platform = await createPlatform();
  await Promise.all([platform.start('registry'), platform.start('provisioning-worker'), platform.start('pool-gateway')]);
  edge = await frontPlatform(platform);
});
afterAll(async () => {
  await edge?.[Symbol.asyncDispose]();
  await platform?.[Symbol.asyncDispose]();
});

async function verifyIsolation(...args: string[]): Promise<{ code: number | null; output: string }> {
  const command = await spawnProcess(['node', 'infra/local/src/verify-isolation.ts', '--data-dir', edge.stackFile, ...args], {
    cwd: ROOT,
  });
  const { code } = await command.exited;
  return { code, output: command.output() };
}

describe('npm run verify-isolation', () => {
  test('finds nothing that gets from one tenant to another, by their logins, over the gateway or on its paths', async () => {
    const { code, output } = await verifyIsolation();
    expect(output).toMatch(/no row, secret or trace of a neighbour/);
    expect(code).toBe(0);
  }, 900_000);
});
