import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from '@ultracore/local';
import { goal, metric, type Goal, type Metric } from '../../frame/report.ts';
import { until } from '../../frame/until.ts';
import type { Gateway } from '../contenders/gateway.ts';
import type { Directory } from '../directory.ts';
import { newTenant, tierOfRank } from '../homes.ts';
import { connectInspector } from '../inspector.ts';

const KNOWN = /^pool_gateway_directory_tenants (\d+)/m;
const DEADLINE_MS = 120_000;
const POLL_MS = 100;
const SETTLE_MS = 1000;

/** Registers so many tenants with the gateway that nobody asks for, and weighs one. */
export async function registerIdle(
  gateway: Gateway,
  directory: Directory,
  count: number,
): Promise<{ metrics: Metric[]; goals: Goal[] }> {
  if (gateway.inspectorPort === undefined) throw new Error('The gateway was started without its inspector.');
  using inspector = await connectInspector(gateway.inspectorPort);
  const known = await knownTenants(gateway.url);
  const weigh = async (): Promise<{ used: number; resident: number }> => {
    const used = await inspector.usedBytes();
    await sleep(SETTLE_MS);
    return { used, resident: residentBytes(gateway.pid) };
  };
  const before = await weigh();
  const startedAt = performance.now();
  const idle = Array.from({ length: count }, (_, rank) => newTenant(`idle-${rank}`, tierOfRank(rank)));
  await directory.publish(idle, {});
  await untilKnown(gateway.url, known + count);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await weigh();
  const used = metric('rounds', 'idle tenant: heap and buffers after a collection', 'KiB', [
    (after.used - before.used) / count / 1024,
  ]);
  return {
    metrics: [
      used,
      metric('rounds', 'idle tenant: resident memory', 'KiB', [(after.resident - before.resident) / count / 1024]),
      metric('rounds', `${count} more tenants: from the first row until the gateway knows all`, 's', [seconds]),
    ],
    goals: [goal('an idle tenant costs, KiB', used, 'at most', 10)],
  };
}

async function untilKnown(url: string, wanted: number): Promise<void> {
  await until(async () => (await knownTenants(url)) >= wanted, {
    what: `the gateway to know ${wanted} tenants`,
    deadlineMs: DEADLINE_MS,
    everyMs: POLL_MS,
  });
}

async function knownTenants(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const known = KNOWN.exec(text)?.[1];
  if (known === undefined) throw new Error('The metrics of the gateway do not tell how many tenants it knows.');
  return Number(known);
}
