import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Contender } from './contenders/contender.ts';
import { connectInspector, type Hot, hottest } from './inspector.ts';
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
  progress(`${file}: ${(busyUs / requests).toFixed(1)} µs a query by the clock, of which in`);
  const areas = new Map<string, number>();
  for (const hot of functions) areas.set(areaOf(hot), (areas.get(areaOf(hot)) ?? 0) + hot.selfUs);
  for (const [area, us] of [...areas].toSorted(([, a], [, b]) => b - a).slice(0, SHOWN)) progress(line(us / requests, area));
  progress('  by function:');
  for (const hot of functions.slice(0, SHOWN)) progress(line(hot.selfUs / requests, `${hot.name} ${hot.place}`));
}

const line = (us: number, what: string): string => `  ${us.toFixed(2).padStart(7)} µs  ${what}`;

/** The package, for the gateway's own code the folder, for Node's own the module; functions of the engine by themselves. */
function areaOf({ name, place }: Hot): string {
  if (place === '') return name;
  const dependency = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(place)?.[1];
  return dependency ?? /^(?:apps|packages)\/[^/]+\/src\/[^/:]+/.exec(place)?.[0] ?? place.replace(/:\d+$/, '');
}
