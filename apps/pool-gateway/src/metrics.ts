import { Counter, createDurations, Gauge, type Registry, type Timer } from '@ultracore/service';

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
  // Registered by its creation; a counter of its own kind would check its labels at each request.
  void new Counter({
    name: 'pool_gateway_requests_total',
    help: 'Requests for SQL that have ended, by kind and by code of the problem; ok without one.',
    labelNames: ['kind', 'code'],
    registers,
    collect() {
      this.reset();
      for (const [kind, ofKind] of Object.entries(counts)) for (const [code, count] of ofKind) this.inc({ kind, code }, count);
    },
  });
  const durations = createDurations(registry, {
    name: 'pool_gateway_request_duration_seconds',
    help: 'From admission to the end of the result.',
    labelNames: ['kind'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  });
  const timers: Record<RequestKind, Timer> = {
    query: durations.timer({ kind: 'query' }),
    stream: durations.timer({ kind: 'stream' }),
    transaction: durations.timer({ kind: 'transaction' }),
  };
  const counts: Record<RequestKind, Map<string, number>> = { query: new Map(), stream: new Map(), transaction: new Map() };
  return {
    observe(kind, code, seconds) {
      const ofKind = counts[kind];
      ofKind.set(code, (ofKind.get(code) ?? 0) + 1);
      timers[kind].observe(seconds);
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
