import type { Batch, Consumer, Offsets } from 'kafkajs';
import type { KafkaClient } from './client.ts';
import { KafkaError, fromKafkaJs, isKafkaError } from './errors.ts';
import { backoffMs, pauseFor, settlesWithin } from './waiting.ts';

export interface SessionTimes {
  /** How long the group waits for a dead member; the client's unless given. */
  readonly sessionTimeoutMs?: number | undefined;
  /** No fetch or no heartbeat for so long: the consumer has stopped silently. */
  readonly silenceMs?: number | undefined;
}

export interface SessionOptions extends SessionTimes {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Records of one partition, in order. What is here is fetched: the next fetch goes on after it. */
  readonly onBatch: (batch: Batch) => void | Promise<void>;
  /** Every record up to `lastOffset` was fetched, also those that are never delivered, such as the ends of transactions. */
  readonly onFetched?: (topic: string, partition: number, lastOffset: number) => void;
  /** What this member holds from now on. `isContinued`: it was a member all the time, and what it went on holding nobody else had. */
  readonly onAssigned?: (assignment: ReadonlyMap<string, readonly number[]>, isContinued: boolean) => void;
  /** The group is about to distribute its partitions anew: the last moment to commit what is done. */
  readonly onRebalance?: () => void;
  /** It will not come back by itself: access is denied. */
  readonly onFatal: (error: KafkaError) => void;
}

/**
 * A membership in a consumer group that is kept up: kafkajs's consumer, made anew when it crashes or goes silent. Without
 * automatic commits.
 */
export interface Session {
  /** Resolves when the group was joined; tries for 20 s unless access is denied. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Why the session does not work at the moment; undefined when it does. */
  health(): string | undefined;
  /** Commits for the present generation, once: a failure is the caller's to repeat, since the partitions may have moved. */
  commit(offsets: Offsets): Promise<void>;
  pause(topic: string, partition: number): void;
  resume(topic: string, partition: number): void;
}

const SILENCE_MS = 30_000;
const CLOSE_MS = 5000;
/** How long a start goes on trying. */
const START_MS = 20_000;
const FIRST_BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 5000;

/**
 * The broker answers a fetch as soon as there is one byte; this is only how long it holds an empty one, and so how long a
 * partition that is resumed may have to wait for the next request.
 */
const MAX_WAIT_MS = 250;

const FETCHING = {
  minBytes: 1,
  maxWaitTimeInMs: MAX_WAIT_MS,
  maxBytesPerPartition: 1_048_576,
  maxBytes: 10_485_760,
};

export const createSession = (client: KafkaClient, options: SessionOptions): Session => {
  const { groupId, topics, sessionTimeoutMs = client.sessionTimeoutMs, silenceMs = SILENCE_MS } = options;
  const { logger } = client;
  let consumer: Consumer | undefined;
  let commitNow: ((offsets: Offsets) => Promise<void>) | undefined;
  let memberId: string | undefined;
  let fault: string | undefined = 'it is not started';
  let fetchedAt = 0;
  let heartAt = 0;
  let watchdog: NodeJS.Timeout | undefined;
  let reopening: Promise<void> | undefined;
  const stopping = new AbortController();

  const close = async (old: Consumer): Promise<void> => {
    if (!(await settlesWithin(old.disconnect(), CLOSE_MS)))
      logger.warn({ groupId }, 'a consumer did not close in time and is left behind');
  };

  const listen = (own: Consumer): { crash: () => KafkaError | undefined } => {
    const isCurrent = (): boolean => consumer === own;
    let crash: KafkaError | undefined;
    own.on(own.events.FETCH, () => {
      if (isCurrent()) fetchedAt = performance.now();
    });
    own.on(own.events.HEARTBEAT, () => {
      if (isCurrent()) heartAt = performance.now();
    });
    own.on(own.events.REBALANCING, () => {
      if (isCurrent()) options.onRebalance?.();
    });
    own.on(own.events.GROUP_JOIN, ({ payload }) => {
      if (!isCurrent()) return;
      fetchedAt = performance.now();
      heartAt = fetchedAt;
      const isContinued = memberId === payload.memberId;
      memberId = payload.memberId;
      logger.info({ groupId, assignment: payload.memberAssignment }, 'joined the consumer group');
      options.onAssigned?.(new Map(Object.entries(payload.memberAssignment)), isContinued);
    });
    own.on(own.events.END_BATCH_PROCESS, ({ payload }) => {
      if (isCurrent()) options.onFetched?.(payload.topic, payload.partition, Number(payload.lastOffset));
    });
    own.on(own.events.CRASH, ({ payload }) => {
      crash = fromKafkaJs('the consumer crashed', payload.error);
      if (isCurrent() && fault === undefined) reopen(crash);
    });
    return { crash: () => crash };
  };

  const open = async (): Promise<void> => {
    const own = client.kafka.consumer({
      groupId,
      sessionTimeout: sessionTimeoutMs,
      heartbeatInterval: Math.floor(sessionTimeoutMs / 4),
      rebalanceTimeout: sessionTimeoutMs * 2,
      allowAutoTopicCreation: false,
      retry: { retries: 5, restartOnFailure: () => Promise.resolve(false) },
      ...FETCHING,
    });
    consumer = own;
    memberId = undefined;
    commitNow = undefined;
    const events = listen(own);
    try {
      await own.connect();
      await own.subscribe({ topics: [...topics], fromBeginning: true });
      await own.run({
        autoCommit: false,
        eachBatchAutoResolve: true,
        eachBatch: async (payload) => {
          if (consumer !== own) return;
          commitNow = (offsets) => payload.commitOffsetsIfNecessary(offsets);
          await options.onBatch(payload.batch);
        },
      });
      const crash = events.crash();
      if (crash !== undefined) throw crash;
      fault = undefined;
    } catch (error) {
      consumer = undefined;
      await close(own);
      throw fromKafkaJs(`the consumer group ${groupId} cannot be joined`, error);
    }
  };

  const reopen = (cause: KafkaError): void => {
    if (stopping.signal.aborted || reopening !== undefined) return;
    fault = `it reconnects: ${cause.message}`;
    logger.warn({ groupId, err: cause }, 'the consumer is made anew');
    reopening = (async () => {
      const old = consumer;
      consumer = undefined;
      if (old !== undefined) await close(old);
      let failure = cause;
      for (let attempt = 1; !stopping.signal.aborted; attempt += 1) {
        if (isKafkaError(failure, 'refused', 'unauthenticated')) {
          fault = failure.message;
          options.onFatal(failure);
          break;
        }
        await pauseFor(backoffMs(attempt, FIRST_BACKOFF_MS, MOST_BACKOFF_MS), stopping.signal);
        if (stopping.signal.aborted) break;
        try {
          await open();
          break;
        } catch (error) {
          failure = fromKafkaJs('the consumer cannot come back', error);
          logger.debug({ groupId, err: failure }, 'the consumer could not be made anew');
        }
      }
      reopening = undefined;
    })();
  };

  const silence = (): number => performance.now() - Math.min(fetchedAt, heartAt);

  /** A tick that comes late says that this process itself was stopped; then kafkajs gets the time to notice what was missed. */
  const watch = (): void => {
    const everyMs = silenceMs / 4;
    let tickedAt = performance.now();
    watchdog = setInterval(() => {
      const now = performance.now();
      const isLate = now - tickedAt > everyMs * 2;
      tickedAt = now;
      if (isLate) {
        fetchedAt = now;
        heartAt = now;
      }
      if (fault === undefined && silence() > silenceMs) {
        reopen(new KafkaError('unavailable', `no sign of life of the group ${groupId} for ${Math.round(silence())} ms`));
      }
    }, everyMs);
  };

  const onConsumer = (what: (own: Consumer) => void): void => {
    if (consumer !== undefined && memberId !== undefined) what(consumer);
  };

  return {
    async start() {
      const deadline = performance.now() + START_MS;
      for (let attempt = 1; ; attempt += 1) {
        try {
          await open();
          break;
        } catch (error) {
          // A broker that has just started answers for a while that it is still loading its groups.
          const isFinal = isKafkaError(error, 'refused', 'unauthenticated') || performance.now() > deadline;
          if (isFinal || stopping.signal.aborted) throw error;
          logger.debug({ groupId, err: error }, 'the consumer group could not be joined yet');
          await pauseFor(backoffMs(attempt, FIRST_BACKOFF_MS, MOST_BACKOFF_MS), stopping.signal);
        }
      }
      watch();
    },
    async stop() {
      stopping.abort();
      clearInterval(watchdog);
      await reopening;
      const old = consumer;
      consumer = undefined;
      fault = 'it is stopped';
      if (old !== undefined) await close(old);
    },
    health() {
      if (fault !== undefined) return fault;
      return silence() > silenceMs ? `no sign of life of the group ${groupId} for ${Math.round(silence())} ms` : undefined;
    },
    async commit(offsets) {
      if (commitNow === undefined) throw new KafkaError('unavailable', 'there is no group to commit to');
      try {
        await commitNow(offsets);
      } catch (error) {
        throw fromKafkaJs('the offsets could not be committed', error);
      }
    },
    pause: (topic, partition) => onConsumer((own) => own.pause([{ topic, partitions: [partition] }])),
    resume: (topic, partition) => onConsumer((own) => own.resume([{ topic, partitions: [partition] }])),
  };
};
