import { Counter, Gauge, Histogram, type Registry } from '@ultracore/service';

export type RequestKind = 'query' | 'stream' | 'transaction';

/** What became of requests for SQL. */
export interface Outcomes {
  /** `code` is its problem's, or `ok`; `seconds` from its admission to its end. */
  observe(kind: RequestKind, code: string, seconds: number): void;
}

/** What is looked at whenever the metrics are asked for. By the names that follow `pool_gateway_`. */
export type Gauges = Readonly<Record<string, { readonly help: string; readonly read: () => number }>>;

export interface Metrics extends Outcomes {
  show(gauges: Gauges): void;
}

/** Never by tenant: a series for each of ten thousand would cost more than what they measure. */
export function createMetrics(registry: Registry): Metrics {
  const registers = [registry];
  const requests = new Counter({
    name: 'pool_gateway_requests_total',
    help: 'Requests for SQL that have ended, by kind and by code of the problem; ok without one.',
    labelNames: ['kind', 'code'],
    registers,
  });
  const durations = new Histogram({
    name: 'pool_gateway_request_duration_seconds',
    help: 'From admission to the end of the result.',
    labelNames: ['kind'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const counters = new Map<string, Counter.Internal>();
  const timers = new Map<RequestKind, Histogram.Internal<'kind'>>();
  return {
    observe(kind, code, seconds) {
      const key = `${kind} ${code}`;
      let counter = counters.get(key);
      if (!counter) counters.set(key, (counter = requests.labels({ kind, code })));
      counter.inc();
      let timer = timers.get(kind);
      if (!timer) timers.set(kind, (timer = durations.labels({ kind })));
      timer.observe(seconds);
    },
    show(gauges) {
      for (const [name, { help, read }] of Object.entries(gauges)) {
        // Registered by its creation.
        void new Gauge({
          name: `pool_gateway_${name}`,
          help,
          registers,
          collect() {
            this.set(read());
          },
        });
      }
    },
  };
}
