import type { Batch, KafkaMessage } from 'kafkajs';
import type { KafkaClient } from './client.ts';
import type { MessageCodec } from './codec.ts';
import { createCommitter } from './committer.ts';
import { putAside } from './dead-letters.ts';
import type { DeadLetter } from './dead-letters.ts';
import { KafkaError } from './errors.ts';
import { ack, deadLetter, retryAfter, stopConsumer } from './fate.ts';
import type { Fate } from './fate.ts';
import { readRecord } from './in-message.ts';
import type { InMessage, Reading } from './in-message.ts';
import { PartitionQueue } from './partition-queue.ts';
import { createSender } from './sender.ts';
import { createSession } from './session.ts';
import type { SessionTimes } from './session.ts';
import { backoffMs, pauseFor, settlesWithin } from './waiting.ts';

export interface HandlerContext {
  /** 1 for the first time this process hands over this message. */
  readonly attempt: number;
  /** Given when the partition was taken away or the consumer stops: finish soon; what is not done comes again. */
  readonly signal: AbortSignal;
}

export interface ConsumerOptions extends SessionTimes {
  readonly groupId: string;
  readonly topics: readonly string[];
  /** Messages of one partition come one at a time and in order; partitions go on side by side. A throw counts as a bug: again, later. */
  readonly handle: (message: InMessage, context: HandlerContext) => Promise<Fate> | Fate;
  /** It has stopped and will not come back: its handler said so, it is behind the platform, or access is denied. */
  readonly onStopped: (error: KafkaError) => void;
  /** How long `stop` waits for handlers that are at work. */
  readonly drainMs?: number;
}

export interface MessageConsumer {
  /** Resolves when the group was joined. Rejects with `unavailable`, `unauthenticated` or `refused`. */
  start(): Promise<void>;
  /** Lets the handlers at work finish, commits what is done, leaves the group. */
  stop(): Promise<void>;
  /** Why it does not consume at the moment; undefined when it does. */
  health(): string | undefined;
}

const FIRST_BACKOFF_MS = 100;
const MOST_BACKOFF_MS = 30_000;
const DRAIN_MS = 10_000;

/** A partition while this member holds it. */
interface Holding {
  readonly queue: PartitionQueue;
  readonly released: AbortController;
  isPaused: boolean;
  isWorking: boolean;
}

const keyOf = (topic: string, partition: number): string => `${topic}\n${partition}`;

/**
 * A member of a consumer group. An offset is committed when its message and all before it are done, and never for a partition
 * that was taken away; so every message is handled at least once. What cannot be decoded goes to `<topic>.dlq`.
 */
export const createConsumer = (client: KafkaClient, codec: MessageCodec, options: ConsumerOptions): MessageConsumer => {
  const { groupId, topics, handle, onStopped, drainMs = DRAIN_MS, sessionTimeoutMs, silenceMs } = options;
  const { logger } = client;
  const holdings = new Map<string, Holding>();
  /** Also of partitions that were taken away: the same partition, come back, waits for its former worker. */
  const workers = new Map<string, Promise<void>>();
  const deadLetters = createSender(client);
  let isStopping = false;
  let stopped: KafkaError | undefined;

  const release = (key: string, holding: Holding): void => {
    holdings.delete(key);
    holding.released.abort();
    if (holding.isPaused) session.resume(holding.queue.topic, holding.queue.partition);
  };

  const settleDown = async (): Promise<void> => {
    for (const { released } of holdings.values()) released.abort();
    if (!(await settlesWithin(Promise.all(workers.values()), drainMs))) {
      logger.warn({ groupId, drainMs }, 'handlers at work did not finish in time; their messages will come again');
    }
    await committer.stop();
    await session.stop();
    await deadLetters.stop();
  };

  const end = (error: KafkaError): void => {
    if (stopped !== undefined || isStopping) return;
    stopped = error;
    logger.error({ groupId, err: error }, 'the consumer stops');
    void settleDown().finally(() => onStopped(error));
  };

  const session = createSession(client, {
    groupId,
    topics,
    sessionTimeoutMs,
    silenceMs,
    onBatch: (batch) => take(batch),
    onAssigned(assignment, isContinued) {
      const held = new Set(
        [...assignment].flatMap(([topic, partitions]) => partitions.map((partition) => keyOf(topic, partition))),
      );
      for (const [key, holding] of holdings) {
        if (!isContinued || !held.has(key)) release(key, holding);
      }
      for (const [topic, partitions] of assignment) {
        for (const partition of partitions) {
          const key = keyOf(topic, partition);
          if (holdings.has(key)) continue;
          holdings.set(key, {
            queue: new PartitionQueue(topic, partition),
            released: new AbortController(),
            isPaused: false,
            isWorking: false,
          });
        }
      }
    },
    onRebalance: () => void committer.flush(),
    onFatal: end,
  });

  const committer = createCommitter(session, logger, () => [...holdings.values()].map(({ queue }) => queue));

  const take = (batch: Batch): void => {
    if (isStopping || stopped !== undefined) return;
    const key = keyOf(batch.topic, batch.partition);
    const holding = holdings.get(key);
    if (holding === undefined) return;
    holding.queue.add(batch.messages, Number(batch.lastOffset()));
    if (holding.queue.isFull() && !holding.isPaused) {
      holding.isPaused = true;
      session.pause(batch.topic, batch.partition);
    }
    startWorker(key, holding);
  };

  const startWorker = (key: string, holding: Holding): void => {
    if (holding.isWorking) return;
    holding.isWorking = true;
    const former = workers.get(key) ?? Promise.resolve();
    const worker = former.then(() => work(holding));
    workers.set(key, worker);
    void worker.finally(() => {
      if (workers.get(key) === worker) workers.delete(key);
    });
  };

  const work = async (holding: Holding): Promise<void> => {
    const { queue, released } = holding;
    for (let next = queue.peek(); next !== undefined && !released.signal.aborted; next = queue.peek()) {
      if (!(await settle(queue, next.message, released.signal))) break;
      queue.complete(next);
      committer.schedule();
      if (holding.isPaused && queue.hasRoom()) {
        holding.isPaused = false;
        session.resume(queue.topic, queue.partition);
      }
    }
    // In the same turn in which the queue was seen to be empty: what is added from now on starts a worker.
    holding.isWorking = false;
  };

  /** True when the message is done; false when it must not be counted as done here. */
  const settle = async ({ topic, partition }: PartitionQueue, message: KafkaMessage, signal: AbortSignal): Promise<boolean> => {
    const record = {
      topic,
      partition,
      offset: message.offset,
      key: message.key,
      value: message.value,
      headers: message.headers ?? {},
    };
    let reading: Reading | undefined;
    for (let attempt = 1; !signal.aborted; attempt += 1) {
      let fate: Fate;
      try {
        reading ??= await readRecord(codec, record, record);
        fate = await fateOf(reading, { attempt, signal });
        if (fate.kind === 'dead_letter') await putDeadLetter(record, fate.reason);
      } catch (error) {
        const ms = backoffMs(attempt, FIRST_BACKOFF_MS, MOST_BACKOFF_MS);
        logger.error({ err: error, topic, partition, offset: message.offset, attempt, retryMs: ms }, 'handling a message threw');
        fate = retryAfter(ms, 'it threw');
      }
      switch (fate.kind) {
        case 'ack':
        case 'dead_letter':
          // Also of a partition taken away meanwhile: then nobody commits it any more.
          return true;
        case 'retry_after':
          // The first few are ordinary; after that each doubling is told, so that a partition that stands still can be seen.
          if (attempt >= 4 && Number.isInteger(Math.log2(attempt))) {
            logger.warn(
              { topic, partition, offset: message.offset, attempt, reason: fate.reason },
              'a message holds up its partition',
            );
          }
          await pauseFor(fate.ms, signal);
          break;
        case 'stop':
          end(new KafkaError('stopped', `stopped at ${topic}[${partition}] offset ${message.offset}: ${fate.reason}`));
          return false;
      }
    }
    return false;
  };

  const fateOf = (reading: Reading, context: HandlerContext): Promise<Fate> | Fate => {
    if (reading.kind === 'message') return handle(reading.message, context);
    if (reading.kind === 'skipped') return ack();
    if (reading.kind === 'unreadable') return deadLetter(reading.reason);
    return stopConsumer(`this program is older than the platform: ${reading.reason}`);
  };

  const putDeadLetter = async (record: DeadLetter, reason: string): Promise<void> => {
    const { topic, partition, offset } = record;
    logger.warn({ topic, partition, offset, reason }, 'a message goes to the dead-letter topic');
    await putAside(deadLetters, record, reason);
  };

  return {
    start: () => session.start(),
    stop() {
      isStopping = true;
      return settleDown();
    },
    health: () => stopped?.message ?? session.health(),
  };
};
