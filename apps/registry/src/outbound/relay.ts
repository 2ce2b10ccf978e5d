import type { EventStore, StoredEvent } from '@ultracore/event-sourcing';
import { isKafkaError, type MessageCodec, type OutRecord, type Publisher } from '@ultracore/kafka';
import { createCheckpoint, PostgresError, transaction } from '@ultracore/postgres';
import type { Logger } from '@ultracore/service';
import { LRUCache } from 'lru-cache';
import type { Pool } from 'pg';
import type { BoundaryName } from '../boundaries.ts';
import { createLag, type Lag } from '../store/lag.ts';
import { createLeasedWork, type LeasedWork, type UnderLease } from '../store/leased-work.ts';
import { createPace } from '../store/pace.ts';
import { CHECKPOINTS, LEASES, SCHEMA } from '../store/schema.ts';
import { createTenantFolds } from '../store/tenant-folds.ts';
import { REQUEST_STREAMS } from '../request/answer.ts';
import { TENANT_STREAMS, tenantCodec } from '../tenant/codec.ts';
import { beats, toDirectoryRecord } from './directory-record.ts';
import { createOutbox, type Batch, type Outbox } from './outbox.ts';
import { createParking, type Parking } from './parking.ts';
import { createRelayCheckpoint } from './relay-checkpoint.ts';
import { translateAnswer } from './translate-answer.ts';
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

export interface Relay extends LeasedWork {
  /** Age of the oldest event that is read and not published, in seconds; 0 in a registry that follows another. */
  readonly lagSeconds: () => number;
}

const FOLDS_KEPT = 20_000;
const MOST_IN_TRANSACTION = 2_000;
const OUTBOX_CAPACITY = 4_000;
const BEAT_MS = 1_000;
/** A transaction costs the brokers some milliseconds, a record in each partition it touches, whatever it carries. */
const PACE = { everyMs: 100, few: 8, many: 500 };

/**
 * Publishes what is in the tenants' streams, in order, at least once: how the tenant is (directory), then what happened, then the
 * checkpoint. Of several registries one publishes, under a lease, and takes the shared transactional id before it reads anything, so that
 * a predecessor that still runs can publish nothing any more.
 */
export function createRelay(deps: RelayDeps): Relay {
  const lag = createLag();
  const leased = createLeasedWork({
    ...deps,
    name: LEASES.relay,
    what: 'the relay',
    work: (under) => publishUnder({ ...deps, ...under, lag }),
  });
  return { ...leased, lagSeconds: () => (leased.active() || leased.fault() !== undefined ? lag.seconds() : 0) };
}

interface Session extends RelayDeps, UnderLease {
  readonly lag: Lag;
}

async function publishUnder(session: Session): Promise<void> {
  const publisher = await session.connectPublisher();
  try {
    await follow(publisher, session);
  } finally {
    // A fenced producer cannot say goodbye; that it is gone is what matters.
    await publisher.stop().catch((error: unknown) => session.logger.debug({ err: error }, 'the relay’s producer did not close'));
  }
}

/** Reads, folds and translates ahead of `publish`, which takes what is ready. Ends when the lease does, or with the first error of either. */
async function follow(publisher: Publisher, session: Session): Promise<void> {
  const { pool, store, lease, token, lag, logger, onBoundary } = session;
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
  const parking = createParking(session);
  const outbox = createOutbox({ capacity: OUTBOX_CAPACITY, signal });
  let live = false;
  lag.reset();

  const onEvents = async (events: readonly StoredEvent[], position: bigint): Promise<void> => {
    lag.met(events);
    // Until the log was once read to its end, even a tenant's first event may be long past: its stream is read to the head.
    const states = await folds.advance(events.filter(isOfTenant), { firstIsNew: live });
    const messages = events.map((stored) =>
      isOfTenant(stored) ? translate(stored, tenantCodec.decode(stored)) : translateAnswer(stored),
    );
    outbox.add({ states, messages, position });
    await outbox.room();
  };
  const read = async (): Promise<void> => {
    await folds.preload(after, signal);
    if (signal.aborted) return;
    await parking.release((records) => publisher.transaction(records));
    const subscription = store.subscribeToAll({
      ...(after === null ? {} : { after }),
      streamPrefixes: [TENANT_STREAMS, REQUEST_STREAMS],
      onEvents,
      onCheckpoint: (position) => outbox.add({ states: new Map(), messages: [], position }),
      onCaughtUp: () => {
        live = true;
      },
      signal,
    });
    await subscription.done;
  };
  // A beat says that the relay lives, so it publishes from the first moment, however long it has to read before anything else can go.
  const publishing = publish(publisher, { ...session, signal, outbox, parking, reached: reached.reached, isLive: () => live });
  const ends = [read(), publishing].map((end) => end.finally(() => ending.abort()));
  const results = await Promise.allSettled(ends);
  await reached.flush().catch((error: unknown) => logger.debug({ err: error }, 'the relay’s last position was not stored'));
  // Why nothing can be published any more counts for more than what the reading made of it.
  for (const result of results.toReversed()) if (result.status === 'rejected') throw result.reason;
}

const isOfTenant = ({ streamName }: StoredEvent): boolean => streamName.startsWith(TENANT_STREAMS);

type Publishing = Session & {
  readonly outbox: Outbox;
  readonly parking: Parking;
  readonly reached: (position: bigint) => void;
  /** The log was once read to its end. */
  readonly isLive: () => boolean;
};

/** One transaction after the other, each with all that is ready. A beat is due each second whether there is anything else or not. */
async function publish(publisher: Publisher, session: Publishing): Promise<void> {
  const { token, outbox, signal, lag, reached, onBoundary } = session;
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
        // A beat alone is no step of anything.
        if (batch) onBoundary('relay:publish:before');
        await publishOrPark(records, publisher, session.parking);
        if (batch) onBoundary('relay:publish:after');
        // A beat alone says nothing: the event that stopped the relay may be still to come.
        if (batch || session.isLive()) session.onWorking();
        session.onPublished?.(batch?.messages.length ?? 0);
      }
      if (!batch) continue;
      for (const [tenantId, { revision }] of batch.states) shown.set(tenantId, revision);
      lag.done(batch.position);
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
