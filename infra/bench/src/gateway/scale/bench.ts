import { goal, metric, type Goal, type Metric } from '../../frame/report.ts';
import type { Gateway } from '../contenders/gateway.ts';
import type { Directory } from '../directory.ts';
import type { LoadControl } from '../load/control.ts';
import type { ClientLogin } from '../load/messages.ts';
import { judge } from '../measure.ts';
import type { BenchServer } from '../server.ts';
import { coldQueries } from './cold.ts';
import { mostConnections } from '../connections.ts';
import { benchNeighbour } from './neighbour.ts';
import { registerIdle } from './registered.ts';

export interface ScaleOptions {
  /** Started for this part: no tenant has asked it for anything. */
  gateway: Gateway;
  directory: Directory;
  server: BenchServer;
  load: LoadControl;
  /** Those that have homes. */
  tenants: readonly ClientLogin[];
  registered: number;
  rounds: number;
  seconds: number;
  progress: (line: string) => void;
}

const CLIENTS = 256;
const BUSY_RATE = 1000;
const COLD_LIMIT_MS = 150;
const SEED = 11;

/** Many tenants on few connections. */
export async function benchScale(options: ScaleOptions): Promise<{ metrics: Metric[]; goals: Goal[] }> {
  const { gateway, directory, tenants, registered, load, progress } = options;
  progress(`registering ${registered} tenants …`);
  const idle = await registerIdle(gateway, directory, registered - tenants.length);
  progress('first queries …');
  const cold = await cold_(options);
  progress('all tenants at once …');
  const connections = await crowded(options);
  progress('a loud neighbour …');
  const { rounds, seconds } = options;
  const neighbour = await benchNeighbour({ contender: gateway, load, tenants, rounds, seconds: seconds * 2 });
  return {
    metrics: [...idle.metrics, ...cold, ...connections, ...neighbour.metrics],
    goals: [
      ...idle.goals,
      ...cold.map((each) => goal(each.name, each, 'at most', COLD_LIMIT_MS)),
      ...connections
        .filter(({ unit }) => unit === 'connections')
        .map((each) => goal(each.name, each, 'at most', options.gateway.budget)),
      ...neighbour.goals,
    ],
  };
}

/** Half of the tenants while nothing else goes on, then half beside a load; from the hundredth on a connection must be taken from another. */
async function cold_({ gateway, load, tenants }: ScaleOptions): Promise<Metric[]> {
  const [busy = [], first = [], second = []] = split(tenants);
  const quiet = await coldQueries('first query of a tenant, nothing else going on', gateway, first);
  const rates = busy.map((tenant) => ({ ...tenant, share: BUSY_RATE / busy.length }));
  await load.open({ target: gateway.target, workload: 'point', clients: 16, tenants: rates, seed: SEED });
  // As long as the queries are likely to take, and not shorter: what outlasts them is harmless.
  const pacing = load.pace(Math.max(1000, second.length * 20));
  const beside = await coldQueries(`first query of a tenant, beside ${BUSY_RATE} requests/s of others`, gateway, second);
  judge(gateway.name, await pacing);
  await load.close();
  return [quiet, beside];
}

/** A tenth of the tenants, and the halves of the others. */
function split(tenants: readonly ClientLogin[]): ClientLogin[][] {
  const busy = Math.max(1, Math.floor(tenants.length / 10));
  const half = busy + Math.ceil((tenants.length - busy) / 2);
  return [tenants.slice(0, busy), tenants.slice(busy, half), tenants.slice(half)];
}

async function crowded({ gateway, load, server, tenants, rounds, seconds }: ScaleOptions): Promise<Metric[]> {
  const alike = tenants.map((tenant) => ({ ...tenant, share: 1 / tenants.length }));
  await load.open({ target: gateway.target, workload: 'point', clients: CLIENTS, tenants: alike, seed: SEED });
  const seen: number[] = [];
  const perSecond: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { result, most } = await mostConnections(server, () => load.run(seconds * 1000));
    judge(gateway.name, result);
    seen.push(most);
    perSecond.push(result.requests / result.seconds);
  }
  await load.close();
  const name = `${tenants.length} tenants alike, ${CLIENTS} clients`;
  return [
    metric('samples', `${name}: connections that Postgres showed at most`, 'connections', seen),
    metric('rounds', `${name}: requests`, '/s', perSecond),
  ];
}
