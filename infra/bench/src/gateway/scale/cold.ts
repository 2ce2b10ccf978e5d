import { metric, type Metric } from '../../frame/report.ts';
import type { Contender } from '../contenders/contender.ts';
import type { Channel } from '../load/channel.ts';
import { httpRequest, openHttpChannel } from '../load/http-channel.ts';
import type { ClientLogin } from '../load/messages.ts';
import { seededRandom } from '../load/random.ts';
import { callsOf } from '../workload.ts';

/** The first query of each of these tenants, one after the other; none may have been asked for before. */
export async function coldQueries(name: string, contender: Contender, tenants: readonly ClientLogin[]): Promise<Metric> {
  const took: number[] = [];
  for (const tenant of tenants) took.push(await firstQuery(contender, tenant));
  return metric('samples', name, 'ms', took);
}

async function firstQuery({ target }: Contender, tenant: ClientLogin): Promise<number> {
  const [call] = callsOf('point', tenant.tenantId, 1, seededRandom(1));
  if (call === undefined) throw new RangeError('There is nothing to ask.');
  let answered: (failure: string | undefined, answer: Buffer | undefined) => void = () => {};
  const channel: Channel = await openHttpChannel(target, (_, failure, answer) => answered(failure, answer));
  try {
    return await new Promise<number>((resolve, reject) => {
      answered = (failure, answer) => {
        const text = answer?.toString('utf8') ?? '';
        if (failure === undefined && text.includes(call.holds ?? '')) resolve(performance.now() - channel.since);
        else reject(new Error(`The first query of ${tenant.tenantId} was answered with ${failure ?? ''} ${text.slice(0, 300)}`));
      };
      channel.request = { bytes: httpRequest(target, tenant, call), call, group: 0, tail: Buffer.alloc(0) };
      channel.sampled = true;
      channel.since = performance.now();
      channel.send(channel.request);
    });
  } finally {
    channel.request = undefined;
    channel.close();
  }
}
