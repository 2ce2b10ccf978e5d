import type { EventStore, StoredEvent } from '@ultracore/event-sourcing';
import { isKafkaError, type MessageCodec, type OutRecord, type Publisher } from '@ultracore/kafka';
import {
  createCheckpoint,
  createLease,
  holdLease,
  PostgresError,
  transaction,
  type Lease,
  type LeaseToken,
} from '@ultracore/postgres';
import type { Logger } from '@ultracore/service';
import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import type { BoundaryName } from '../boundaries.ts';
import { createPace } from '../store/pace.ts';
import { CHECKPOINTS, LEASES, SCHEMA } from '../store/schema.ts';
import { createTenantFolds } from '../store/tenant-folds.ts';
import { TENANT_STREAMS, tenantCodec } from '../tenant/codec.ts';
import { beats, toDirectoryRecord } from './directory-record.ts';
import { createOutbox, type Batch, type Outbox } from './outbox.ts';
import { createParking, type Parking } from './parking.ts';
import { createRelayCheckpoint } from './relay-checkpoint.ts';
import { translate } from './translate.ts';

export interface RelayDeps {
  readonly pool: Pool;
  readonly store: EventStore;
  /** A publisher with the relay's one transactional id. Once it is there, transactions of every earlier one fail. */
  readonly connectPublisher: () => Promise<Publisher>;
  /** The publisher's. */
  readonly codec: MessageCodec;
  /** Identifies this process. */
  readonly holder: string;
  readonly leaseTtlMs: number;
  readonly logger: Logger;
  readonly onBoundary: (name: BoundaryName) => void;
  /** Told what was published, for metrics. */
  readonly onPublished?: (messages: number) => void;
}

export interface Relay {
  readonly start: () => void;
  readonly stop: () => Promise<void>;
  /** True in the one registry that publishes. */
  readonly active: () => boolean;
  /** Why this relay neither publishes nor follows one that does; undefined when all is well. */
  readonly fault: () => string | undefined;
}

const FOLDS_KEPT = 20_000;
const MOST_IN_TRANSACTION = 1_000;
const OUTBOX_CAPACITY = 2_000;
const BEAT_MS = 1_000;
/** A transaction costs the brokers a record in each partition it touches, whatever it carries. */
const PACE = { everyMs: 50, few: 8, many: 500 };

/**
 * Publishes what is in the tenants' streams, in order, at least once: how the tenant is (directory), then what happened, then the
 * checkpoint. Of several registries one publishes, under a lease, and takes the shared transactional id before it reads anything, so that
 * a predecessor that still runs can publish nothing any more.
 */
export function createRelay(deps: RelayDeps): Relay {
  const lease = createLease(deps.pool, { schema: SCHEMA, name: LEASES.relay, holder: deps.holder, ttlMs: deps.leaseTtlMs });
  let fault: string | undefined;
  const watched: Lease = {
    ...lease,
    async acquire() {
      const token = await lease.acquire();
      // Somebody else has it: following is fine.
      if (token === null) fault = undefined;
      return token;
    },
  };
  const work = async (token: LeaseToken, signal: AbortSignal): Promise<void> => {
    try {
      const onWorking = (): void => {
        fault = undefined;
      };
      await publishUnder(token, { ...deps, lease, signal, onWorking });
      if (signal.aborted) return;
      fault = 'the relay has ended by itself';
    } catch (error) {
      fault = `the relay has stopped: ${error instanceof Error ? error.message : String(error)}`;
      throw error;
    }
  };
  const holding = holdLease({ lease: watched, work, logger: deps.logger });
  return { start: () => holding.start(), stop: () => holding.stop(), active: () => holding.holding(), fault: () => fault };
}

interface Session extends RelayDeps {
  readonly lease: Lease;
  readonly signal: AbortSignal;
  /** Called once something was published. */
  readonly onWorking: () => void;
}

async function publishUnder(token: LeaseToken, session: Session): Promise<void> {
  const publisher = await session.connectPublisher();
  try {
    await follow(token, publisher, session);
  } finally {
    // A fenced producer cannot say goodbye; that it is gone is what matters.
    await publisher.stop().catch((error: unknown) => session.logger.debug({ err: error }, 'the relay’s producer did not close'));
  }
}

/** Reads, folds and translates ahead of `publish`, which takes what is ready. Ends when the lease does, or with the first error of either. */
async function follow(token: LeaseToken, publisher: Publisher, session: Session): Promise<void> {
  const { pool, store, lease, logger, onBoundary } = session;
  const ending = new AbortController();
  const signal = AbortSignal.any([session.signal, ending.signal]);
  const checkpoint = createCheckpoint(SCHEMA);
  const reached = createRelayCheckpoint({
    store: async (position) => {
      onBoundary('relay:checkpoint:before');
      await transaction(pool, async (client) => {
        await lease.confirm(client, token);
        await checkpoint.set(client, CHECKPOINTS.relay, position);
      });
    },
    onError: (error) => logger.warn({ err: error }, 'the relay could not store its position; it tries again with the next'),
  });
  const after = await checkpoint.get(pool, CHECKPOINTS.relay);
  const folds = createTenantFolds({ store, maxTenants: FOLDS_KEPT });
  await folds.preload(after, signal);
  const parking = createParking(session);
  await parking.release((records) => publisher.transaction(records));
  const outbox = createOutbox({ capacity: OUTBOX_CAPACITY, signal });
  let live = false;

  const onEvents = async (events: readonly StoredEvent[], position: bigint): Promise<void> => {
    // Until the log was once read to its end, even a tenant's first event may be long past: its stream is read to the head.
    const states = await folds.advance(events, { firstIsNew: live });
    const messages = events.map((stored) => translate(stored, tenantCodec.decode(stored)));
    outbox.add({ states, messages, position });
    await outbox.room();
  };
  const publishing = publish(token, publisher, { ...session, signal, outbox, parking, reached: reached.reached }).finally(() =>
    ending.abort(),
  );
  const subscription = store.subscribeToAll({
    ...(after === null ? {} : { after }),
    streamPrefixes: [TENANT_STREAMS],
    onEvents,
    onCheckpoint: (position) => outbox.add({ states: new Map(), messages: [], position }),
    onCaughtUp: () => {
      live = true;
    },
    signal,
  });
  const [read, published] = await Promise.allSettled([subscription.done.finally(() => ending.abort()), publishing]);
  await reached.flush().catch((error: unknown) => logger.debug({ err: error }, 'the relay’s last position was not stored'));
  if (published.status === 'rejected') throw published.reason;
  if (read.status === 'rejected') throw read.reason;
}

type Publishing = Session & {
  readonly outbox: Outbox;
  readonly parking: Parking;
  readonly reached: (position: bigint) => void;
};

/** One transaction after the other, each with all that is ready. A beat is due each second whether there is anything else or not. */
async function publish(token: LeaseToken, publisher: Publisher, session: Publishing): Promise<void> {
  const { outbox, signal, reached, onBoundary } = session;
  const shown = new LRUCache<string, number>({ max: FOLDS_KEPT });
  const pace = createPace(PACE);
  let beatIsDue = true;
  const beating = setInterval(() => {
    beatIsDue = true;
    outbox.wake();
  }, BEAT_MS);
  try {
    while (!signal.aborted) {
      const batch = outbox.take(MOST_IN_TRANSACTION);
      if (!batch && !beatIsDue) {
        await outbox.filled();
        continue;
      }
      const records = session.parking.without([...(batch ? toRecords(batch, shown) : []), ...(beatIsDue ? beats() : [])]);
      beatIsDue = false;
      if (records.length > 0) {
        if (!token.held()) throw new PostgresError('lease_lost', 'the lease ran out');
        pace.begin(batch?.messages.length ?? 0);
        onBoundary('relay:publish:before');
        await publishOrPark(records, publisher, session.parking);
        onBoundary('relay:publish:after');
        session.onWorking();
        session.onPublished?.(batch?.messages.length ?? 0);
      }
      if (!batch) continue;
      for (const [tenantId, { revision }] of batch.states) shown.set(tenantId, revision);
      reached(batch.position);
      await pace.next(outbox.size(), signal);
    }
  } finally {
    clearInterval(beating);
  }
}

/** What no message can say is put aside with all of its tenant; the rest goes. */
async function publishOrPark(records: readonly OutRecord[], publisher: Publisher, parking: Parking): Promise<void> {
  try {
    await publisher.transaction(records);
  } catch (error) {
    if (!isKafkaError(error, 'invalid_body') || !(await parking.park(records))) throw error;
    await publisher.transaction(parking.without(records));
  }
}

/** The directory's rows first. One that was shown already, because it was read ahead of its events, is not repeated. */
function toRecords({ states, messages }: Batch, shown: LRUCache<string, number>): OutRecord[] {
  const records: OutRecord[] = [];
  for (const state of states.values()) {
    if (state.revision > (shown.get(state.tenantId) ?? -1)) records.push(toDirectoryRecord(state));
  }
  return records.concat(messages);
}
