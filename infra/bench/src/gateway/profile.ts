import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Contender } from './contenders/contender.ts';
import { connectInspector, hottest } from './inspector.ts';
import type { LoadControl } from './load/control.ts';

const SHOWN = 25;

/** One turn under the profiler of a contender that has an inspector: its `.cpuprofile`, and the functions in which the time went. */
export async function profileTurn(
  { contender, load }: { contender: Contender; load: LoadControl },
  path: string,
  seconds: number,
  progress: (line: string) => void,
): Promise<void> {
  if (contender.inspectorPort === undefined) return;
  using inspector = await connectInspector(contender.inspectorPort);
  await inspector.startProfile();
  const { requests } = await load.run(seconds * 1000);
  const profile = await inspector.stopProfile();
  const file = `${path}-${contender.name}.cpuprofile`;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(profile));
  const { busyUs, functions } = hottest(profile);
  progress(`${file}: ${(busyUs / requests).toFixed(1)} µs a query, of which in`);
  for (const { name, place, selfUs } of functions.slice(0, SHOWN)) {
    progress(`  ${(selfUs / requests).toFixed(2).padStart(6)} µs  ${name} ${place}`);
  }
}
