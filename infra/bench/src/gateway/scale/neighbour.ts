import { goal, metric, type Goal, type Metric } from '../../frame/report.ts';
import { alternate, ratios } from '../../frame/rounds.ts';
import type { Contender } from '../contenders/contender.ts';
import type { LoadControl } from '../load/control.ts';
import { createHistogram } from '../load/histogram.ts';
import type { ClientLogin } from '../load/messages.ts';
import { judge } from '../measure.ts';

/** Tenants beside the loud one, each with so many requests a second. */
const OTHERS = 20;
const RATE = 50;
const TIMES = 50;
const CONNECTIONS = 64;
const SEED = 50;

interface NeighbourOptions {
  contender: Contender;
  load: LoadControl;
  tenants: readonly ClientLogin[];
  rounds: number;
  seconds: number;
}

/** What one tenant at fifty times the load does to the others; requests come at random times, whatever is under way. */
export async function benchNeighbour(options: NeighbourOptions): Promise<{ metrics: Metric[]; goals: Goal[] }> {
  const p99s: Record<'calm' | 'loud', number[]> = { calm: [], loud: [] };
  const measured = (kind: 'calm' | 'loud') => async (round: number) => {
    const p99 = await p99OfOthers(options, kind === 'loud' ? RATE * TIMES : RATE);
    if (round >= 0) p99s[kind].push(p99);
    return p99;
  };
  await alternate({ calm: measured('calm'), loud: measured('loud') }, { rounds: options.rounds });
  const rise = metric(
    'rounds',
    `${OTHERS} tenants: p99 beside a loud one ÷ p99 beside one like them`,
    '×',
    ratios(p99s.loud, p99s.calm),
  );
  return {
    metrics: [
      metric('rounds', `${OTHERS} tenants at ${RATE}/s each, beside one like them: p99`, 'ms', p99s.calm),
      metric('rounds', `${OTHERS} tenants at ${RATE}/s each, beside one at ${RATE * TIMES}/s: p99`, 'ms', p99s.loud),
      rise,
    ],
    goals: [goal('the others’ p99 beside a tenant at 50 times the load', rise, 'at most', 1.2)],
  };
}

async function p99OfOthers({ contender, load, tenants, seconds }: NeighbourOptions, loudRate: number): Promise<number> {
  const crowd = tenants.slice(0, OTHERS + 1).map((tenant, index) => ({
    ...tenant,
    share: index === 0 ? loudRate : RATE,
    group: index === 0 ? 1 : 0,
  }));
  await load.open({ target: contender.target, workload: 'point', clients: CONNECTIONS, tenants: crowd, seed: SEED });
  const result = await load.pace(seconds * 1000);
  await load.close();
  judge(contender.name, result);
  const others = createHistogram();
  others.add(result.latencies[0] ?? []);
  return others.quantile(0.99);
}
