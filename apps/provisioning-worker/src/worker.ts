import type { KeyRing } from '@ultracore/credentials';
import { SHARED_DATABASE, type Migration } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import type { AdminServer } from './config.ts';
import { allEnded } from './inbound/all-ended.ts';
import { leaseTasks, type Task } from './inbound/lease-tasks.ts';
import { createTimer } from './inbound/timer.ts';
import { createWorkLoop } from './inbound/work-loop.ts';
import type { WorkerMetrics } from './metrics.ts';
import { createEffects } from './outbound/effects/create-effects.ts';
import { migrateShared } from './outbound/effects/creation/migrate-home.ts';
import { COMPARED_TOGETHER, createDriftWatch } from './outbound/drift-watch.ts';
import type { FactSink } from './outbound/facts.ts';
import type { Patience } from './outbound/patience.ts';
import { createPerformer } from './outbound/performer.ts';
import { createRepairer } from './outbound/repairer.ts';
import { createResealer } from './outbound/resealer.ts';
import { createServer, type PostgresServer } from './outbound/server.ts';
import { surveyServer } from './outbound/surveyor.ts';
import type { Logger } from './outbound/under-lease.ts';
import type { BoundaryName } from './provisioning/boundaries.ts';
import type { StockSizes } from './provisioning/stock/tidy.ts';
import { leaseHomesToRepair, leaseHomesToTest } from './store/homes.ts';
import { createLeaseKeeper } from './store/lease-keeper.ts';
import { shareVersions } from './store/known-versions.ts';
import { expireLeasesOfTheDead } from './store/leases.ts';
import { createStock } from './stock.ts';
import { readUnknownServers, recordForgottenRequests } from './store/survey.ts';
import { leaseDueItems } from './store/work.ts';
import { takeWorkerNumber, type WorkerNumber } from './store/worker-number.ts';

export interface WorkerOptions {
  readonly pool: Pool;
  readonly facts: FactSink;
  readonly keyRing: KeyRing;
  readonly migrations: readonly Migration[];
  readonly servers: readonly AdminServer[];
  /** Tenants worked on at once, for each server. */
  readonly concurrency: number;
  /** Of those, migrations of homes in use; all but two, and at least one, unless given. */
  readonly migrationsAtOnce?: number | undefined;
  readonly reconcileEveryMs: number;
  /** Logins tested in one pass, at most. */
  readonly loginTests: number;
  /** Credentials of a retired key that are sealed with the present one in a second, at most. */
  readonly resealsPerSecond: number;
  /** How often a home is compared with what it should look like, and how many at most in one pass on a server; never unless given. */
  readonly drift?: { readonly everyMs: number; readonly checks: number };
  /** Homes to be kept ready on every server; none unless given. */
  readonly stock?: StockSizes;
  /** How long homes stay in stock that are made of other migrations, for a worker which has those; an hour unless given. */
  readonly stockKeptForOthersMs?: number | undefined;
  readonly onBoundary: (name: BoundaryName) => void;
  readonly metrics: WorkerMetrics;
  readonly logger: Logger;
  readonly leaseTtlMs?: number;
  /** With statements on the tenants' servers; `PATIENCE` unless given. */
  readonly patience?: Patience;
  /** Of one statement of a migration that a rollout runs in a home in use. */
  readonly migrationLimits: { readonly lockTimeoutMs: number; readonly statementTimeoutMs: number };
}

export interface Worker {
  start(): Promise<void>;
  /** Takes nothing more, finishes what is in hand, gives every lease back. */
  stop(): Promise<void>;
  wake(): void;
  /** Each server with why it is not used; undefined when it is. */
  readonly servers: readonly { readonly name: string; problem(): string | undefined }[];
  /** Milliseconds since the worker last looked for work. */
  idleMs(): number;
}

const LEASE_TTL_MS = 10_000;
const POLL_MS = 250;
const CONNECT_TIMEOUT_MS = 5000;
const VERIFY_EVERY_MS = 60_000;
/** How long an open request may be known from the directory alone before the worker no longer waits for its event. */
const FORGOTTEN_AFTER_MS = 60_000;
const TESTED_TOGETHER = 4;
/** Tenants worked on at once that are no migrations: one may take an hour, and a suspension is not to wait so long. */
const KEPT_FREE = 2;
const RESEAL_EVERY_MS = 1000;
/** Admin connections beside those for tenants: to verify, survey, migrate what is shared, end sessions, fill up the stock. */
const HOUSEKEEPING_CONNECTIONS = 5;
const NO_DRIFT = { everyMs: 86_400_000, checks: 0 };
const NO_STOCK: StockSizes = { enterprise: 0, standard: 0 };

/** Everything but Kafka: takes work from the bookkeeping and does it, reconciles, and tells facts to whatever sink it is given. */
export function createWorker(options: WorkerOptions): Worker {
  const { pool, metrics, logger, leaseTtlMs: ttlMs = LEASE_TTL_MS } = options;
  const keeper = createLeaseKeeper(pool, { ttlMs, logger });
  const servers = options.servers.map((server) => toServer(server, options));
  const under = { pool, keeper, logger };
  const stopping = new AbortController();
  const stock = createStock({
    ...under,
    servers,
    sizes: options.stock ?? NO_STOCK,
    keptForOthersMs: options.stockKeptForOthersMs,
    migrations: options.migrations,
    stopping: stopping.signal,
    leasing: () => ({ holder: number?.number ?? 0, ttlMs }),
    onBoundary: options.onBoundary,
    metrics,
  });
  const performer = createPerformer({
    ...under,
    facts: options.facts,
    effects: createEffects({ ...options, claimFromStock: stock.claim }),
    onBoundary: options.onBoundary,
    observer: {
      step: (kind, step, tier, seconds) => metrics.stepSeconds.observe({ kind, step, tier }, seconds),
      closed: (kind, outcome) => metrics.requestsClosed.inc({ kind, outcome }),
    },
  });
  const repairer = createRepairer({ ...under, keyRing: options.keyRing, onBoundary: options.onBoundary });
  const { migrationsAtOnce = Math.max(1, options.concurrency - KEPT_FREE), drift = NO_DRIFT } = options;
  const driftWatch = createDriftWatch({
    ...under,
    ...options,
    ...drift,
    stopping: stopping.signal,
    leasing: () => ({ holder: number?.number ?? 0, ttlMs }),
  });
  const versions = options.migrations.map(({ version }) => version);
  const migrating = new Map<PostgresServer, number>();
  let number: WorkerNumber | undefined;
  let sweptAt = 0;
  /** Versions of the migrations that other workers have, and this one has not. */
  let leave: readonly string[] = [];
  let stopped: Promise<void> | undefined;

  const leasing = (server: PostgresServer, limit: number) => ({ server, holder: number?.number ?? 0, ttlMs, limit });

  const loop = createWorkLoop<PostgresServer, Task>({
    servers,
    concurrency: options.concurrency,
    pollMs: POLL_MS,
    logger,
    async beforeRound() {
      if (performance.now() - sweptAt < POLL_MS) return;
      sweptAt = performance.now();
      await expireLeasesOfTheDead(pool, number?.number ?? 0);
      leave = await shareVersions(pool, number?.number ?? 0, versions);
    },
    lease: (server, limit) =>
      leaseTasks(
        {
          others: (most) => leaseDueItems(pool, { ...leasing(server, most), leave, only: 'others' }),
          homes: (most) => leaseHomesToRepair(pool, leasing(server, most)),
          migrations: (most) => leaseDueItems(pool, { ...leasing(server, most), leave, only: 'migrations' }),
        },
        { limit, migrations: migrationsAtOnce - (migrating.get(server) ?? 0) },
      ),
    async perform(server, task) {
      if (task.kind === 'home') return repairer.perform(server, task.lease);
      if (task.kind === 'item') return performer.perform(server, task.item);
      migrating.set(server, (migrating.get(server) ?? 0) + 1);
      await performer.perform(server, task.item);
      migrating.set(server, (migrating.get(server) ?? 0) - 1);
    },
  });

  async function reconcile(): Promise<void> {
    const forgotten = await recordForgottenRequests(pool, FORGOTTEN_AFTER_MS);
    if (forgotten.length > 0)
      logger.warn({ tenants: forgotten }, 'requests are taken from the directory: their events never came');
    await resealer.count();
    const unknown = await readUnknownServers(pool, servers);
    if (unknown.length > 0)
      logger.error({ servers: unknown }, 'tenants live on Postgres servers that are not configured here; their work waits');
    await allEnded(servers.map((server) => reconcileServer(server)));
    loop.wake();
  }

  async function reconcileServer(server: PostgresServer): Promise<void> {
    metrics.serverFit.set({ server: server.name }, server.state === 'fit' ? 1 : 0);
    if (server.state !== 'fit') return;
    const { orphans, missing } = await surveyServer({ pool, logger }, server);
    metrics.orphans.set({ server: server.name }, orphans.length);
    metrics.missing.set({ server: server.name }, missing.length);
    await stock.tidy(server);
    for (let left = options.loginTests; left > 0 && server.state === 'fit' && !stopping.signal.aborted;) {
      const sinceMs = options.reconcileEveryMs;
      const leases = await leaseHomesToTest(pool, { ...leasing(server, Math.min(left, TESTED_TOGETHER)), sinceMs });
      if (leases.length === 0) return;
      left -= leases.length;
      await Promise.all(leases.map((lease) => repairer.perform(server, lease)));
    }
  }

  const timer = createTimer({ everyMs: options.reconcileEveryMs, pass: reconcile, logger });
  const resealer = createResealer({
    ...options,
    leaseTtlMs: ttlMs,
    limit: options.resealsPerSecond,
    holder: () => number?.number ?? 0,
    onCounted: (credentials) => {
      for (const [keyId, sealed] of credentials) metrics.sealedCredentials.set({ key_id: keyId }, sealed);
    },
  });
  const resealing = createTimer({ everyMs: RESEAL_EVERY_MS, pass: async () => void (await resealer.pass()), logger });

  async function compareHomes(): Promise<void> {
    await allEnded(
      servers
        .filter(({ state }) => state === 'fit' && drift.checks > 0)
        .map(async (server) => metrics.drifted.set({ server: server.name }, await driftWatch.pass(server))),
    );
  }

  const comparing = createTimer({ everyMs: Math.min(options.reconcileEveryMs, drift.everyMs), pass: compareHomes, logger });

  async function stop(): Promise<void> {
    // What is in hand is finished; a pass that has more to do leaves it.
    stopping.abort();
    await Promise.all([comparing.stop(), timer.stop(), resealing.stop(), stock.stop()]);
    await loop.stop();
    keeper.stop();
    await Promise.all(servers.map((server) => server.stop()));
    number?.stop();
  }

  return {
    async start() {
      number = await takeWorkerNumber(pool, logger);
      keeper.start();
      loop.start();
      timer.start();
      resealing.start();
      comparing.start();
      stock.start();
    },
    stop: () => (stopped ??= stop()),
    wake: () => loop.wake(),
    servers,
    idleMs: () => performance.now() - loop.lastRoundAt(),
  };
}

function toServer(server: AdminServer, { concurrency, migrations, patience, logger }: WorkerOptions): PostgresServer {
  return createServer({
    ...server,
    // A task that had to wait for a connection would be taken for one that cannot reach the server. A comparison takes two at once:
    // one to the home, and one to make what the home is compared with.
    connections: concurrency + TESTED_TOGETHER + 2 * COMPARED_TOGETHER + HOUSEKEEPING_CONNECTIONS,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    patience,
    verifyEveryMs: VERIFY_EVERY_MS,
    logger,
    async prepare(connect) {
      const shared = await connect(SHARED_DATABASE);
      try {
        await migrateShared(shared.client, migrations);
      } finally {
        await shared.giveBack();
      }
    },
  });
}
