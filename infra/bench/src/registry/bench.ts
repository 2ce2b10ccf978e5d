import { startPlatform } from '../frame/platform.ts';
import type { Findings } from '../frame/report.ts';
import type { BenchOptions } from '../options.ts';
import type { RegistryPart } from './context.ts';
import { benchCreations } from './creations.ts';
import { benchRebuild } from './rebuild.ts';
import { benchRelay } from './relay.ts';
import { benchVisibility } from './visibility.ts';

const BACKENDS_AND_REGISTRY = ['kafka', 'postgres', 'schema-registry', 'eventstore', 'registry'];

const PARTS: ReadonlyMap<string, RegistryPart> = new Map([
  ['creations', benchCreations],
  ['visibility', benchVisibility],
  ['relay', benchRelay],
  ['rebuild', benchRebuild],
]);

/** What the registry does in a second, beside the least that the same work could cost. The worker does not run meanwhile. */
export async function benchRegistry(options: BenchOptions, progress: (line: string) => void): Promise<Findings> {
  progress('starting the platform …');
  await using platform = await startPlatform({ dataDir: options.dataDir, only: BACKENDS_AND_REGISTRY });

  const all: Findings = { metrics: [], goals: [], notes: ['The provisioning worker does not run during this bench.'] };
  for (const name of options.parts) {
    const part = PARTS.get(name);
    if (!part) throw new TypeError(`--parts knows ${[...PARTS.keys()].join(', ')}, not ${name}.`);
    const findings = await part({ platform, options, progress });
    all.metrics.push(...findings.metrics);
    all.goals.push(...findings.goals);
    all.notes.push(...findings.notes);
  }
  return all;
}
