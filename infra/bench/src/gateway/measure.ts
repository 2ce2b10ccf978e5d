import { cpuTimes } from '../frame/cpu.ts';
import type { Contender } from './contenders/contender.ts';
import type { LoadControl } from './load/control.ts';
import { createHistogram } from './load/histogram.ts';
import type { RunResult } from './load/messages.ts';

/** What one turn of one contender said. CPU in µs a request. */
export interface Turn {
  perSecond: number;
  p50: number;
  p99: number;
  contenderCpu: number;
  postgresCpu: number;
  generatorCpu: number;
}

/** One turn: every client keeps a request under way for so long. Throws when an answer was wrong, or more than one in a thousand failed. */
export async function turn(contender: Contender, load: LoadControl, postgresPid: number, ms: number): Promise<Turn> {
  const pids = { contender: contender.pid, postgres: postgresPid };
  const before = cpuTimes(pids);
  const result = await load.run(ms);
  const after = cpuTimes(pids);
  judge(contender.name, result);
  const each = (name: keyof typeof pids): number =>
    after.size === 0 ? Number.NaN : ((after.get(name) ?? 0) - (before.get(name) ?? 0)) / result.requests;
  const latencies = createHistogram();
  for (const counts of result.latencies) latencies.add(counts);
  return {
    perSecond: result.requests / result.seconds,
    p50: latencies.quantile(0.5),
    p99: latencies.quantile(0.99),
    contenderCpu: each('contender'),
    postgresCpu: each('postgres'),
    generatorCpu: result.cpuUs / result.requests,
  };
}

/** A figure of answers that were not right is worse than none. */
export function judge(name: string, { requests, failed, checked, wrong, firstFailure }: RunResult): void {
  if (wrong > 0)
    throw new Error(`${name}: ${wrong} of ${checked} answers that were looked into did not hold the tenant's own row.`);
  if (requests === 0) throw new Error(`${name} answered nothing: ${firstFailure ?? 'no reason is known'}.`);
  if (failed > requests / 1000)
    throw new Error(`${name}: ${failed} of ${requests} requests failed, the first with: ${firstFailure}`);
}
