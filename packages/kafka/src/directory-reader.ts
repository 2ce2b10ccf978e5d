import { randomUUID } from 'node:crypto';
import { TENANT_ID_PATTERN, TOPICS, isBeatKey } from '@ultracore/contracts';
import type { DirectoryRow } from '@ultracore/contracts';
import type { Batch, KafkaMessage } from 'kafkajs';
import { withAdmin } from './client.ts';
import type { KafkaClient } from './client.ts';
import type { MessageCodec } from './codec.ts';
import { KafkaError } from './errors.ts';
import { readRecord } from './in-message.ts';
import type { Reading } from './in-message.ts';
import { createSession } from './session.ts';
import type { SessionTimes } from './session.ts';

export interface DirectoryReaderOptions extends SessionTimes {
  /** Begins the name of the reader's own consumer group, so the principal must be allowed groups of this prefix. */
  readonly clientId: string;
  /** A row later than any seen of its tenant. Rows of a tenant come in order. */
  readonly onRow: (row: DirectoryRow) => void | Promise<void>;
  /** A row that cannot be read: what is known of the tenant no longer holds, until a good row comes. */
  readonly onUnreadable: (tenantId: string) => void | Promise<void>;
  /** Access was taken away: the copy grows stale and stays so. */
  readonly onStopped?: (error: KafkaError) => void;
  /** The topic, where it is not the platform's. */
  readonly topic?: string;
  readonly staleAfterMs?: number;
}

export interface DirectoryReader {
  start(): Promise<void>;
  /** Leaves and deletes the group. */
  stop(): Promise<void>;
  /** Whether every record that was there at start has been read. */
  caughtUp(): boolean;
  /** Whether some partition has had no beat for 30 s: the copy may be behind, because the relay or the connection is dead. */
  stale(): boolean;
  health(): string | undefined;
}

const STALE_AFTER_MS = 30_000;

/** A beat this far from the end of its partition is part of a backlog, and says nothing of now. */
const MOST_LAG = 1000;

const textOf = (key: Buffer | null): string => key?.toString('utf8') ?? '';

/**
 * Keeps a full copy of the directory: reads the topic from the beginning in a group of its own, which commits nothing, and keeps
 * of each tenant the row with the highest revision.
 */
export const createDirectoryReader = (
  client: KafkaClient,
  codec: MessageCodec,
  options: DirectoryReaderOptions,
): DirectoryReader => {
  const { clientId, onRow, onUnreadable, onStopped, topic = TOPICS.directory, staleAfterMs = STALE_AFTER_MS } = options;
  const { logger } = client;
  const groupId = `${clientId}.directory.${randomUUID()}`;
  const revisions = new Map<string, number>();
  const unreadable = new Set<string>();
  /** By partition: what must be read to have caught up. Taken away once it was. */
  const marks = new Map<number, number>();
  const beatAt = new Map<number, number>();
  /** By partition, the last offset seen: after a reconnect all is read again, and an old beat read twice is still old. */
  const positions = new Map<number, number>();
  let hasMarks = false;

  const refuse = async (tenantId: string, reason: unknown): Promise<void> => {
    logger.error({ tenantId, reason }, 'a row of the directory cannot be read');
    if (!TENANT_ID_PATTERN.test(tenantId)) return;
    unreadable.add(tenantId);
    await onUnreadable(tenantId);
  };

  const accept = async (row: DirectoryRow): Promise<void> => {
    const { tenant_id: tenantId, revision } = row;
    const seen = revisions.get(tenantId) ?? -1;
    if (revision < seen || (revision === seen && !unreadable.has(tenantId))) return;
    try {
      await onRow(row);
      revisions.set(tenantId, revision);
      unreadable.delete(tenantId);
    } catch (error) {
      await refuse(tenantId, error);
    }
  };

  const read = async (partition: number, message: KafkaMessage): Promise<Reading> => {
    const at = { partition, offset: message.offset };
    return readRecord(codec, at, { topic, key: message.key, value: message.value, headers: message.headers ?? {} });
  };

  const isNews = (partition: number, offset: number): boolean =>
    offset >= (marks.get(partition) ?? 0) && offset > (positions.get(partition) ?? -1);

  const take = async (batch: Batch): Promise<void> => {
    const isLive = Number(batch.offsetLag()) <= MOST_LAG;
    for (const message of batch.messages) {
      const key = textOf(message.key);
      const reading = await read(batch.partition, message);
      if (reading.kind !== 'message') {
        // A beat that cannot be read proves nothing, and is about no tenant.
        if (!isBeatKey(key)) await refuse(key, reading.kind === 'skipped' ? 'not a row' : reading.reason);
      } else if (reading.message.type === 'TenantDirectoryRecord') {
        await accept(reading.message.body);
      } else if (reading.message.type === 'DirectoryBeat' && isLive && isNews(batch.partition, Number(message.offset))) {
        beatAt.set(batch.partition, performance.now());
      }
    }
  };

  const onFetched = (_topic: string, partition: number, lastOffset: number): void => {
    const mark = marks.get(partition);
    if (mark !== undefined && lastOffset + 1 >= mark) marks.set(partition, 0);
    positions.set(partition, Math.max(lastOffset, positions.get(partition) ?? -1));
  };

  const session = createSession(client, {
    groupId,
    topics: [topic],
    sessionTimeoutMs: options.sessionTimeoutMs,
    silenceMs: options.silenceMs,
    onBatch: take,
    onFetched,
    onFatal: (error) => onStopped?.(error),
  });

  const readMarks = (): Promise<void> =>
    withAdmin(client, `the end of ${topic} cannot be read`, async (admin) => {
      for (const { partition, high, low } of await admin.fetchTopicOffsets(topic)) {
        // An empty partition has nothing to catch up with.
        marks.set(partition, high === low ? 0 : Number(high));
      }
      hasMarks = true;
    });

  const deleteGroup = async (): Promise<void> => {
    try {
      await withAdmin(client, `the group ${groupId} cannot be deleted`, (admin) => admin.deleteGroups([groupId]));
    } catch (error) {
      // It has no offsets: the broker forgets it by itself.
      logger.debug({ groupId, err: error }, 'the group of the directory reader is left to the broker');
    }
  };

  return {
    async start() {
      for (const type of ['TenantDirectoryRecord', 'DirectoryBeat']) {
        if (!codec.knows(topic, type)) throw new KafkaError('unknown_message', `the codec was not made for ${type} on ${topic}`);
      }
      await readMarks();
      await session.start();
    },
    async stop() {
      await session.stop();
      await deleteGroup();
    },
    caughtUp: () => hasMarks && [...marks.values()].every((mark) => mark === 0),
    stale() {
      const since = performance.now() - staleAfterMs;
      return !hasMarks || [...marks.keys()].some((partition) => (beatAt.get(partition) ?? -Infinity) < since);
    },
    health: () => session.health(),
  };
};
