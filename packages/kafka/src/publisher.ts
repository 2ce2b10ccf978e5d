import { toHeaders } from '@ultracore/contracts';
import type { Envelope } from '@ultracore/contracts';
import type { Producer, Transaction } from 'kafkajs';
import type { KafkaClient } from './client.ts';
import { checkAgreement } from './codec.ts';
import type { MessageCodec } from './codec.ts';
import { KafkaError, fromKafkaJs, isKafkaError } from './errors.ts';
import { byTopic, checkAnswered, createSender, inRequests, makeProducer } from './sender.ts';
import type { WireRecord } from './sender.ts';

/** A message to publish. `key` is the tenant id, or a beat's key. */
export interface OutRecord {
  readonly topic: string;
  readonly partition?: number;
  readonly key: string;
  readonly envelope: Envelope;
  readonly body: unknown;
}

export interface Publisher {
  /**
   * Resolves when every record is acknowledged by all in-sync replicas, in the order of the calls. A rejection may have published
   * some of them. With a transactional id it is a `transaction`.
   */
  send(records: readonly OutRecord[]): Promise<void>;
  /**
   * All of the records or none. Rejects with `fenced` when another publisher has taken the transactional id; after that, and after an
   * `unavailable` whose outcome is unknown, every further call is refused: make a new publisher, if one may still publish.
   */
  transaction(records: readonly OutRecord[]): Promise<void>;
  /** Waits for what was handed over, then disconnects. */
  stop(): Promise<void>;
}

export interface PublisherOptions {
  /** One id, one active publisher: making another with the same id fences the one before, at once. */
  readonly transactionalId?: string;
}

const encoder =
  (codec: MessageCodec) =>
  ({ topic, partition, key, envelope, body }: OutRecord): WireRecord => {
    const value = codec.encode({ topic, type: envelope.type, body });
    checkAgreement(key, envelope, body);
    return { topic, key, value, headers: toHeaders(envelope), ...(partition === undefined ? {} : { partition }) };
  };

/** Connects. Rejects with `unavailable`, `unauthenticated` or `refused` when it cannot. */
export const createPublisher = async (
  client: KafkaClient,
  codec: MessageCodec,
  options: PublisherOptions = {},
): Promise<Publisher> => {
  const { transactionalId } = options;
  return transactionalId === undefined ? plain(client, codec) : transactional(client, codec, transactionalId);
};

const plain = async (client: KafkaClient, codec: MessageCodec): Promise<Publisher> => {
  const encode = encoder(codec);
  const sender = createSender(client);
  await sender.connect();
  return {
    send: async (records) => sender.send(records.map(encode)),
    transaction: () => Promise.reject(new KafkaError('refused', 'a publisher without a transactional id has no transactions')),
    stop: () => sender.stop(),
  };
};

const transactional = async (client: KafkaClient, codec: MessageCodec, transactionalId: string): Promise<Publisher> => {
  const encode = encoder(codec);
  const producer = makeProducer(client, transactionalId);
  let end: KafkaError | undefined;
  let last: Promise<void> = fence(producer);
  try {
    await last;
  } catch (error) {
    await producer.disconnect();
    throw error;
  }

  const abort = async (transaction: Transaction): Promise<void> => {
    try {
      await transaction.abort();
    } catch (error) {
      end ??= fromKafkaJs('the transaction could not be aborted', error);
    }
  };

  const run = async (records: readonly WireRecord[]): Promise<void> => {
    if (end !== undefined) throw end;
    const requests = inRequests(records);
    const transaction = await producer.transaction();
    try {
      for (const request of requests) {
        checkAnswered(request, await transaction.sendBatch({ acks: -1, topicMessages: byTopic(request) }));
      }
    } catch (error) {
      const failure = fromKafkaJs('the transaction failed', error);
      if (isKafkaError(failure, 'fenced')) end = failure;
      else await abort(transaction);
      throw failure;
    }
    try {
      await transaction.commit();
    } catch (error) {
      end = fromKafkaJs('the outcome of a transaction is unknown', error);
      throw end;
    }
  };

  const transaction = async (records: readonly OutRecord[]): Promise<void> => {
    if (end !== undefined) throw end;
    if (records.length === 0) return;
    const encoded = records.map(encode);
    const previous = last;
    const mine = (async () => {
      await previous.catch(() => undefined);
      await run(encoded);
    })();
    last = mine;
    return mine;
  };

  return {
    send: transaction,
    transaction,
    async stop() {
      await last.catch(() => undefined);
      end ??= new KafkaError('stopped', 'the publisher is stopped');
      await producer.disconnect();
    },
  };
};

/** Takes the transactional id: the epoch that the coordinator hands out makes every producer before us a zombie. */
const fence = async (producer: Producer): Promise<void> => {
  try {
    await producer.connect();
    const transaction = await producer.transaction();
    await transaction.abort();
  } catch (error) {
    throw fromKafkaJs('the transactional publisher cannot start', error);
  }
};
