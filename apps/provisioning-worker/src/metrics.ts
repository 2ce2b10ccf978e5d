import { Counter, Gauge, Histogram, Registry } from '@ultracore/service';

export interface WorkerMetrics {
  readonly registry: Registry;
  readonly stepSeconds: Histogram<'kind' | 'step' | 'tier'>;
  readonly requestsClosed: Counter<'kind' | 'outcome'>;
  readonly serverFit: Gauge<'server'>;
  readonly orphans: Gauge<'server'>;
  readonly missing: Gauge<'server'>;
  readonly drifted: Gauge<'server'>;
  readonly stockReady: Gauge<'server' | 'tier'>;
  readonly stockClaims: Counter<'server' | 'tier' | 'result'>;
  readonly sealedCredentials: Gauge<'key_id'>;
}

export function createMetrics(): WorkerMetrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    stepSeconds: new Histogram({
      name: 'worker_step_duration_seconds',
      help: 'Time from the beginning of a step until its fact is acknowledged.',
      labelNames: ['kind', 'step', 'tier'],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
      registers,
    }),
    requestsClosed: new Counter({
      name: 'worker_requests_closed_total',
      help: 'Requests that were brought to an end, by kind of work and outcome.',
      labelNames: ['kind', 'outcome'],
      registers,
    }),
    serverFit: new Gauge({
      name: 'worker_server_fit',
      help: '1 while a Postgres server is verified and reachable.',
      labelNames: ['server'],
      registers,
    }),
    orphans: new Gauge({
      name: 'worker_orphaned_objects',
      help: 'Objects of homes that nobody wants, at the last reconciliation.',
      labelNames: ['server'],
      registers,
    }),
    drifted: new Gauge({
      name: 'worker_drifted_homes',
      help: 'Homes that are known not to be what their version of the migrations should look like.',
      labelNames: ['server'],
      registers,
    }),
    sealedCredentials: new Gauge({
      name: 'worker_sealed_credentials',
      help: 'Credentials in force or issued, by the key that they are sealed with.',
      labelNames: ['key_id'],
      registers,
    }),
    stockReady: new Gauge({
      name: 'worker_stock_homes',
      help: 'Homes that are made and belong to nobody yet.',
      labelNames: ['server', 'tier'],
      registers,
    }),
    stockClaims: new Counter({
      name: 'worker_stock_claims_total',
      help: 'Creations that looked for a home in stock: claimed, none (there was none), unusable (it could not be had).',
      labelNames: ['server', 'tier', 'result'],
      registers,
    }),
    missing: new Gauge({
      name: 'worker_missing_objects',
      help: 'Objects of homes that should be there and are not, at the last reconciliation.',
      labelNames: ['server'],
      registers,
    }),
  };
}
