import { performance } from 'node:perf_hooks';
import { scramVerifier } from '@ultracore/credentials';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_DATABASE, type Connection, type Home, openLogin, SHARED_DATABASE, undoHome } from '../src/index.ts';
import { makeTables } from '../src/testing/index.ts';
import { type Bench, LIMITS, newHome, startBench } from './homes.ts';

const HOMES = 100;
const VERIFIERS = { readWrite: scramVerifier('a'), readOnly: scramVerifier('b') };

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

/** A whole creation, cold, as a worker does it that keeps its connections. */
function create(session: Connection, home: Home): Promise<void> {
  return makeTables(bench.admin, session, home, {
    migrations: bench.migrations,
    finish: (own) => openLogin(own, home, LIMITS, VERIFIERS),
  });
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

const quantile = (times: readonly number[], share: number): number =>
  times.toSorted((one, other) => one - other)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;

const show = (times: readonly number[]): string =>
  `p50 ${quantile(times, 0.5).toFixed(1)} ms, p99 ${quantile(times, 0.99).toFixed(1)} ms`;

describe('a measured creation', () => {
  it.each(['small', 'standard', 'enterprise'] as const)(`of tier %s`, async (tier) => {
    const session = await bench.admin(tier === 'enterprise' ? ADMIN_DATABASE : SHARED_DATABASE);
    const homes = Array.from({ length: HOMES }, () => newHome(tier, 'measured'));
    const [creations, undoings]: [number[], number[]] = [[], []];
    for (const home of homes) creations.push(await timed(() => create(session, home)));
    for (const home of homes) undoings.push(await timed(() => undoHome(bench.admin, home, { creationRecorded: true })));
    await session.end();
    process.stdout.write(`${tier}: ${HOMES} created ${show(creations)}; undone ${show(undoings)}\n`);
    expect(creations).toHaveLength(HOMES);
  });
});
