import { answerOrders } from '../../frame/worker.ts';
import { createHistogram } from '../load/histogram.ts';
import { seededRandom } from '../load/random.ts';
import { type Call, callsOf } from '../workload.ts';
import { type Ask, createAskers } from './askers.ts';
import { type PoolOrder, poolLoginSchema, type PoolResult, type Variant } from './messages.ts';

/** A product team's program in a process of its own: callers that each wait for one answer after the other. */
const login = poolLoginSchema.parse(JSON.parse(process.argv[2] ?? '{}'));
const askers: Record<Variant, Ask> = await createAskers(login);

answerOrders<PoolOrder, PoolResult>(async ({ variant, workload, callers, ms }) => {
  const ask = askers[variant];
  const calls = callsOf(workload, login.tenantId, 1000, seededRandom(1));
  const latencies = createHistogram();
  const cpu = process.cpuUsage();
  const startedAt = performance.now();
  const until = startedAt + ms;
  let sent = 0;
  const caller = async (): Promise<void> => {
    while (performance.now() < until) {
      const call: Call | undefined = calls[(sent += 1) % calls.length];
      if (call === undefined) return;
      const at = performance.now();
      const rows = await ask(call);
      latencies.record(performance.now() - at);
      if (`SELECT ${rows}` !== call.tag) throw new Error(`${variant}: ${rows} rows, not ${call.tag}`);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  const seconds = (performance.now() - startedAt) / 1000;
  const spent = process.cpuUsage(cpu);
  return {
    requests: latencies.count(),
    seconds,
    cpuUs: spent.user + spent.system,
    p50: latencies.quantile(0.5),
    p99: latencies.quantile(0.99),
  };
});
