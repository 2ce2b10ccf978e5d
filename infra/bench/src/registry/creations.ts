import { EventStoreDBClient, jsonEvent, NO_STREAM, type JSONType } from '@eventstore/db-client';
import { cpuEach, cpuTimes, type CpuTimes } from '../frame/cpu.ts';
import { inFlight } from '../frame/in-flight.ts';
import { createRegistryClient } from '../frame/registry-client.ts';
import { goal, metric, type Findings } from '../frame/report.ts';
import { required } from '../frame/required.ts';
import { alternate, ratios } from '../frame/rounds.ts';
import type { RegistryContext } from './context.ts';
import { untilQuiet } from './quiet.ts';

/** A share of the raw appends; 0.8 is the stretch. */
const GOAL = 0.5;
/** Times the streams of a measurement: both sides get faster for tens of thousands of requests. */
const WARM_UP = 8;

interface RecordedEvent {
  type: string;
  data: JSONType;
  metadata: JSONType;
}

/**
 * Creations per second through HTTP, beside the client's own appends of the same event to as many new streams, in turns. Before each
 * measurement whatever the one before left behind (projection, relay) is done.
 */
export async function benchCreations({ platform, options, progress }: RegistryContext): Promise<Findings> {
  const stack = platform.stack();
  const token = required(stack.tokens, 'tokens').operator;
  await using direct = createRegistryClient(required(stack.service_urls['registry'], 'registry'), token, options.inFlight);
  await using throughEdge = createRegistryClient(required(stack.edge_url, 'edge_url'), token, options.inFlight);
  const store = EventStoreDBClient.connectionString(required(stack.eventstoredb_url, 'eventstoredb_url'));
  try {
    await direct.create({ tenant_id: 'bench-sample', tier: 'small' });
    const sample = await readSample(store);
    const cpu = new Map<string, number[]>();
    const perSecond = async (name: string, task: (id: string) => Promise<void>, round: number): Promise<number> => {
      await untilQuiet(stack);
      const before = cpuTimes(stack.pids);
      const seconds = await inFlight(options.streams, options.inFlight, (index) => task(`${name}-${round + 1}-${index}`));
      await untilQuiet(stack);
      if (round >= 0) addCpu(cpu, name, before, cpuTimes(stack.pids), options.streams);
      return options.streams / seconds;
    };
    progress('warming up …');
    const warmUp = options.streams * WARM_UP;
    await inFlight(warmUp, options.inFlight, (index) => append(store, `warm-${index}`, sample));
    await inFlight(warmUp, options.inFlight, (index) => direct.create({ tenant_id: `warm-${index}`, tier: 'small' }));
    const figures = await alternate(
      {
        raw: (round) => perSecond('raw', (id) => append(store, id, sample), round),
        created: (round) => perSecond('direct', (id) => direct.create({ tenant_id: id, tier: 'small' }), round),
        keyed: (round) => perSecond('keyed', (id) => direct.create({ tenant_id: id, tier: 'small' }, `key-${id}`), round),
        edge: (round) => perSecond('edge', (id) => throughEdge.create({ tenant_id: id, tier: 'small' }), round),
      },
      {
        rounds: options.rounds,
        onFigure: (name, round, figure) => progress(`round ${round + 1}: ${name} ${Math.round(figure)}/s`),
      },
    );
    const share = metric('rounds', 'creations ÷ raw appends', '', ratios(figures.created, figures.raw));
    return {
      metrics: [
        metric('rounds', 'raw appends', 'events/s', figures.raw),
        metric('rounds', 'creations', 'commands/s', figures.created),
        metric('rounds', 'creations with Idempotency-Key', 'commands/s', figures.keyed),
        metric('rounds', 'creations through the edge', 'commands/s', figures.edge),
        share,
        metric('rounds', 'creations with Idempotency-Key ÷ raw appends', '', ratios(figures.keyed, figures.raw)),
        metric('rounds', 'creations through the edge ÷ raw appends', '', ratios(figures.edge, figures.raw)),
        ...[...cpu].map(([name, values]) => metric('rounds', name, 'µs', values)),
      ],
      goals: [goal('creations beside raw appends', share, 'at least', GOAL)],
      notes: [
        'CPU: time of a process for each append or creation, until projection and relay are done with it.',
        `Creations: ${options.streams} new streams in each measurement, ${options.inFlight} in flight, straight to the registry's port unless said otherwise; projection and relay work meanwhile, as always.`,
      ],
    };
  } finally {
    await store.dispose();
  }
}

function addCpu(cpu: Map<string, number[]>, variant: string, before: CpuTimes, after: CpuTimes, count: number): void {
  for (const [process_, each] of cpuEach(before, after, count)) {
    const name = `cpu ${variant}: ${process_}`;
    cpu.set(name, [...(cpu.get(name) ?? []), each]);
  }
}

async function readSample(store: EventStoreDBClient): Promise<RecordedEvent> {
  let sample: RecordedEvent | undefined;
  // To its end: a read that is left early keeps the client from being disposed of.
  for await (const { event } of store.readStream('tenant-bench-sample', { maxCount: 1 })) {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the registry stores JSON events
    if (event) sample = { type: event.type, data: event.data as JSONType, metadata: (event.metadata ?? {}) as JSONType };
  }
  return required(sample, 'event of the created tenant');
}

async function append(store: EventStoreDBClient, id: string, sample: RecordedEvent): Promise<void> {
  await store.appendToStream(`bench-${id}`, jsonEvent(sample), { expectedRevision: NO_STREAM });
}
