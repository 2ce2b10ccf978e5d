import { setTimeout as sleep } from 'node:timers/promises';
import { residentBytes } from '@ultracore/local';
import { metric, type Metric } from '../frame/report.ts';
import { CONTENDER_NAMES, type Contender, type ContenderName } from './contenders/contender.ts';
import { connectInspector } from './inspector.ts';
import { type LoadControl, startLoadGenerator } from './load/control.ts';
import type { ClientLogin } from './load/messages.ts';
import { judge } from './measure.ts';

/** Idle clients that are weighed: as many as one tenant may have waiting at the gateway, because at first all ask at once. */
const IDLE_CLIENTS = 1000;
const WARM_CLIENTS = 16;
const SEED = 7;
const RUN_MS = 1000;
const SETTLE_MS = 500;

/**
 * What an idle client costs a contender: resident memory with so many clients that have each had an answer, less that with few, each after
 * a garbage collection where there is a collector. Each round with one that was just started: memory once taken is not always given back.
 */
export async function idleClientMemory(
  name: ContenderName,
  start: () => Promise<Contender>,
  tenants: ClientLogin[],
  rounds: number,
): Promise<Metric> {
  const perClient: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await using contender = await start();
    await using load = startLoadGenerator(name);
    const few = await residentWith(contender, load, tenants, WARM_CLIENTS);
    const many = await residentWith(contender, load, tenants, IDLE_CLIENTS);
    perClient.push((many - few) / (IDLE_CLIENTS - WARM_CLIENTS) / 1024);
  }
  return metric('rounds', `${CONTENDER_NAMES[name]}: memory of an idle client`, 'KiB', perClient);
}

async function residentWith(contender: Contender, load: LoadControl, tenants: ClientLogin[], clients: number): Promise<number> {
  await load.open({ target: contender.target, workload: 'point', clients, tenants, seed: SEED });
  judge(contender.name, await load.run(RUN_MS));
  await collectGarbage(contender);
  const resident = residentBytes(contender.pid);
  await load.close();
  return resident;
}

async function collectGarbage({ inspectorPort }: Contender): Promise<void> {
  if (inspectorPort === undefined) return;
  using inspector = await connectInspector(inspectorPort);
  await inspector.usedBytes();
  // Pages are given back a moment later.
  await sleep(SETTLE_MS);
}
