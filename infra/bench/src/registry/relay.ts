import { PARTITIONS, TOPICS } from '@ultracore/contracts';
import type { Stack } from '@ultracore/local';
import type { Kafka } from 'kafkajs';
import { inFlight } from '../frame/in-flight.ts';
import { createRegistryClient } from '../frame/registry-client.ts';
import { goal, metric, type Findings } from '../frame/report.ts';
import { required } from '../frame/required.ts';
import { alternate, ratios } from '../frame/rounds.ts';
import { until } from '../frame/until.ts';
import type { RegistryContext } from './context.ts';
import { connectKafka, readPublished, type LogRecord } from './kafka-log.ts';
import { positions, untilQuiet, withReadModel } from './quiet.ts';

/** A share of what the bare producer does. */
const GOAL = 0.7;
const RELAY_CHECKPOINT = 'relay';
const BARE_BATCH = 1000;
const DRAIN_DEADLINE_MS = 5 * 60_000;

/**
 * The registry is killed, its relay's position set back, and what it publishes after its restart is timed until the position is
 * where it was. Beside it a bare idempotent producer sends the very same records (bytes, keys, headers, partitions) to
 * topics of its own.
 */
export async function benchRelay({ platform, options, progress }: RegistryContext): Promise<Findings> {
  const events = options.streams * 10;
  const stack = platform.stack();
  const kafka = connectKafka(stack);
  // So that there is a position to go back to, whatever ran before.
  await makeEvents(stack, ['relay-first'], 1);
  await untilQuiet(stack, { level: true });
  const from = await relayPosition(stack);
  const madeFrom = Date.now();
  progress(`making ${events} events for the relay …`);
  await makeEvents(
    stack,
    Array.from({ length: events }, (_, index) => `relay-${index}`),
    options.inFlight,
  );
  await untilQuiet(stack, { level: true });
  const to = await relayPosition(stack);
  await makeTopics(kafka);

  let published: LogRecord[] = [];
  const figures = await alternate(
    {
      relay: async () => {
        const { since, drainedAt } = await drainAgain(platform.stack(), { from, to });
        published = await readPublished(kafka, { since, until: drainedAt, events });
        return steadyRate(published, drainedAt);
      },
      bare: async () => {
        if (published.length === 0) published = await readPublished(kafka, { since: madeFrom, until: Date.now(), events });
        return events / (await sendBare(kafka, published));
      },
    },
    {
      rounds: options.rounds,
      onFigure: (name, round, figure) => progress(`round ${round + 1}: ${name} ${Math.round(figure)} events/s`),
    },
  );
  const share = metric('rounds', 'relay ÷ bare producer', '', ratios(figures.relay, figures.bare));
  const bytes = published.reduce((sum, record) => sum + (record.value?.length ?? 0), 0);
  return {
    metrics: [
      metric('rounds', 'relay', 'events/s', figures.relay),
      metric('rounds', 'bare idempotent producer', 'events/s', figures.bare),
      share,
    ],
    goals: [goal('relay beside a bare producer', share, 'at least', GOAL)],
    notes: [
      'Relay: timed over the last three quarters of its events, so without start-up and read-ahead; the bare producer over all.',
      `Relay: ${events} events, published as ${published.length} records (event and directory row) of ${Math.round(bytes / published.length)} bytes on average. The bare producer sends the same records, ${BARE_BATCH} in a request, acks all, one request at a time.`,
    ],
  };
}

/** One event for each new tenant. */
async function makeEvents(stack: Stack, tenants: readonly string[], width: number): Promise<void> {
  const token = required(stack.tokens, 'tokens').operator;
  await using registry = createRegistryClient(required(stack.service_urls['registry'], 'registry'), token, width);
  await inFlight(tenants.length, width, (index) => registry.create({ tenant_id: tenants[index] ?? '', tier: 'standard' }));
}

async function relayPosition(stack: Stack): Promise<bigint> {
  return withReadModel(stack, async (client) =>
    required((await positions(client)).get(RELAY_CHECKPOINT), 'position of the relay'),
  );
}

/** Kills the registry, sets the relay's position back and waits until its successor has published everything once more. */
async function drainAgain(
  stack: Stack,
  { from, to }: { from: bigint; to: bigint },
): Promise<{ since: number; drainedAt: number }> {
  return withReadModel(stack, async (client) => {
    process.kill(required(stack.pids['registry'], 'pid of the registry'), 'SIGKILL');
    const since = Date.now();
    // The dead process's sessions may still be about to commit.
    await client.query("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'ultracore_registry'");
    await client.query('update checkpoints set position = $2 where name = $1', [RELAY_CHECKPOINT, from.toString()]);
    await until(async () => ((await positions(client)).get(RELAY_CHECKPOINT) ?? 0n) >= to, {
      what: 'the relay to publish everything',
      deadlineMs: DRAIN_DEADLINE_MS,
      everyMs: 5,
    });
    return { since, drainedAt: Date.now() };
  });
}

const bareTopic = (topic: string): string => `bench.${topic}`;

/**
 * Events per second over the last three quarters: what the relay had read ahead before its first transaction, and what its first
 * transactions cost more, is not in it.
 */
function steadyRate(published: readonly LogRecord[], drainedAt: number): number {
  const times = published.filter(({ topic }) => topic === TOPICS.lifecycle).map(({ madeAt }) => madeAt);
  const quarter = required(times[Math.floor(times.length / 4)], 'published records');
  const after = times.filter((madeAt) => madeAt > quarter).length;
  return (after * 1000) / (drainedAt - quarter);
}

async function makeTopics(kafka: Kafka): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const topics = [TOPICS.lifecycle, TOPICS.directory].map((topic) => ({ topic: bareTopic(topic), numPartitions: PARTITIONS }));
    await admin.createTopics({ topics, waitForLeaders: true });
  } finally {
    await admin.disconnect();
  }
}

async function sendBare(kafka: Kafka, records: readonly LogRecord[]): Promise<number> {
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  try {
    const startedAt = performance.now();
    for (let start = 0; start < records.length; start += BARE_BATCH) {
      await producer.sendBatch({ acks: -1, topicMessages: toTopicMessages(records.slice(start, start + BARE_BATCH)) });
    }
    return (performance.now() - startedAt) / 1000;
  } finally {
    await producer.disconnect();
  }
}

function toTopicMessages(records: readonly LogRecord[]) {
  return [TOPICS.directory, TOPICS.lifecycle].map((topic) => ({
    topic: bareTopic(topic),
    messages: records
      .filter((record) => record.topic === topic)
      .map(({ partition, key, value, headers }) => ({ partition, key, value, headers })),
  }));
}
