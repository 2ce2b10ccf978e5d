/** The apps that may own a message type. `producer` stands for any principal that may write requests, `meter` for any that measures. */
export const OWNERS = [
  'registry',
  'provisioning-worker',
  'pool-gateway',
  'data-product',
  'optimizer',
  'predictor',
  'meter',
  'producer',
] as const;
export type Owner = (typeof OWNERS)[number];

/** The apps, other than the registry, whose facts are recorded in the tenants' streams. */
export const FACT_APPS = ['provisioning-worker', 'data-product'] as const;
export type FactApp = (typeof FACT_APPS)[number];

const factsTopic = <App extends FactApp>(app: App): `multitenancy.facts.${App}` => `multitenancy.facts.${app}`;

export const TOPICS = {
  lifecycle: 'multitenancy.lifecycle',
  config: 'multitenancy.config',
  security: 'multitenancy.security',
  resources: 'multitenancy.resources',
  requests: 'multitenancy.requests',
  directory: 'multitenancy.directory',
  facts: factsTopic,
} as const;

/** Never changed: a tenant's records keep their partition, hence their order. */
export const PARTITIONS = 12;

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  /** Milliseconds; `forever` for a log that is history. */
  readonly retentionMs: number | 'forever';
  readonly cleanup: 'delete' | 'compact';
  /** Further settings of the topic, by Kafka's names. */
  readonly settings: Readonly<Record<string, string>>;
}

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export const dlqOf = (topic: string): string => `${topic}.dlq`;

const log = (topic: string, retentionMs: number | 'forever' = 'forever'): TopicSpec => ({
  topic,
  partitions: PARTITIONS,
  retentionMs,
  cleanup: 'delete',
  settings: {},
});

const SOURCE_SPECS: readonly TopicSpec[] = [
  log(TOPICS.lifecycle),
  log(TOPICS.config),
  log(TOPICS.security),
  log(TOPICS.requests),
  log(TOPICS.resources, 400 * DAY_MS),
  ...FACT_APPS.map((app) => log(TOPICS.facts(app))),
  {
    topic: TOPICS.directory,
    partitions: PARTITIONS,
    retentionMs: 'forever',
    cleanup: 'compact',
    // Beats arrive each second: without a bound on the uncompacted tail, a reader from the beginning would read days of them.
    settings: {
      'segment.ms': String(HOUR_MS),
      'max.compaction.lag.ms': String(HOUR_MS),
      'min.cleanable.dirty.ratio': '0.1',
    },
  },
];

/** Every topic of the platform, each followed by its `.dlq`, which keeps what could not be read or applied for 90 days. */
export const TOPIC_SPECS: readonly TopicSpec[] = SOURCE_SPECS.flatMap((spec) => [spec, log(dlqOf(spec.topic), 90 * DAY_MS)]);

/** The schema registry's name for a message on a topic. */
export const subjectOf = (topic: string, type: string): string => `${topic}-${type}`;
