import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import {
  ADMIN_DATABASE,
  claimStockHome,
  type Connection,
  type Home,
  makeStockHome,
  newStockId,
  SHARED_DATABASE,
  stockFingerprint,
  type StockTier,
  undoHome,
  withConnection,
} from '@ultracore/tenant-database';
import { makeTables } from '@ultracore/tenant-database/testing';
import { ROOT } from '../frame/platform.ts';
import { metric, type Goal, type Metric } from '../frame/report.ts';
import { startServer, type BenchServer } from '../gateway/server.ts';
import type { BenchOptions } from '../options.ts';

const TIERS: readonly StockTier[] = ['enterprise', 'standard'];
const WARM_UP = 3;
/** Milliseconds at p50. */
const CLAIM_GOAL = 5;

/** What is timed of one tier, in milliseconds: a home made cold, one claimed, and one claimed and looked over as a creation does. */
interface Times {
  readonly cold: number[];
  readonly claim: number[];
  readonly whole: number[];
}

/**
 * A home for a tenant, without its logins' opening, which is the same for both: made cold, and taken from stock, in turns, on a Postgres of
 * the bench's own. Each home is removed before the next, so that both find the server as empty.
 */
export async function benchDatabase(
  { dataDir, tenants }: BenchOptions,
  progress: (line: string) => void,
): Promise<{ metrics: Metric[]; goals: Goal[] }> {
  progress('starting a Postgres …');
  await using server = await startServer(resolve(ROOT, dataDir));
  const times = new Map<StockTier, Times>(TIERS.map((tier) => [tier, { cold: [], claim: [], whole: [] }]));
  for (let round = -WARM_UP; round < tenants; round += 1) {
    for (const tier of TIERS) {
      const seen: Times =
        round < 0 ? { cold: [], claim: [], whole: [] } : (times.get(tier) ?? { cold: [], claim: [], whole: [] });
      const turns = [cold, fromStock];
      for (const turn of round % 2 === 0 ? turns : turns.toReversed()) await turn(server, tier, seen);
    }
    if ((round + 1) % 10 === 0) progress(`${round + 1} of ${tenants} homes of each tier, cold and from stock`);
  }
  const metrics = [...times].flatMap(([tier, { cold: coldMs, claim, whole }]) => [
    metric('samples', `${tier}: a home made cold`, 'ms', coldMs),
    metric('samples', `${tier}: a home claimed from stock`, 'ms', claim),
    metric('samples', `${tier}: … and looked over, as a creation does`, 'ms', whole),
  ]);
  return { metrics, goals: metrics.filter(({ name }) => name.endsWith('claimed from stock')).map(claimGoal) };
}

const claimGoal = (of: Metric): Goal => ({
  name: `${of.name}, in the database`,
  metric: of.name,
  figure: 'median',
  wanted: CLAIM_GOAL,
  direction: 'at most',
  seen: of.median,
  met: of.median <= CLAIM_GOAL,
});

const newHome = (tier: StockTier): Home => ({ tenantId: `bench-${randomUUID().slice(0, 18)}`, tier, requestId: randomUUID() });

async function cold(server: BenchServer, tier: StockTier, times: Times): Promise<void> {
  const home = newHome(tier);
  await withHomeDatabase(server, tier, async (session) => {
    const began = performance.now();
    await makeTables(server.admin, session, home, server);
    times.cold.push(performance.now() - began);
  });
  await undoHome(server.admin, home, { creationRecorded: true });
}

async function fromStock(server: BenchServer, tier: StockTier, times: Times): Promise<void> {
  const { migrations } = server;
  const [home, stock] = [newHome(tier), { stockId: newStockId(), tier, fingerprint: stockFingerprint(migrations) }];
  await makeStockHome(server.admin, stock, { migrations });
  await withHomeDatabase(server, tier, async (session) => {
    const began = performance.now();
    const outcome = await claimStockHome(session, home, stock);
    times.claim.push(performance.now() - began);
    if (outcome !== 'claimed') throw new Error(`A home in stock was not claimed: ${outcome}.`);
    await makeTables(server.admin, session, home, server);
    times.whole.push(performance.now() - began);
  });
  await undoHome(server.admin, home, { creationRecorded: true });
}

/** On a connection that is open, as a worker's is. */
async function withHomeDatabase(
  server: BenchServer,
  tier: StockTier,
  work: (session: Connection) => Promise<void>,
): Promise<void> {
  await withConnection(server.admin, tier === 'enterprise' ? ADMIN_DATABASE : SHARED_DATABASE, async (session) => {
    await session.query('select 1');
    await work(session);
  });
}
