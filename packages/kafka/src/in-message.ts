import { fromHeaders, messageByType, messagesOn } from '@ultracore/contracts';
import type { Envelope, MessageOf, MessageType } from '@ultracore/contracts';
import type { Headers, MessageCodec, RawRecord } from './codec.ts';
import { isKafkaError } from './errors.ts';
import { fromWire } from './wire-format.ts';

interface Typed<Type extends MessageType> {
  /** Narrow on this: it decides the type of `body`. */
  readonly type: Type;
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  /** The tenant id, or a beat's key. */
  readonly key: string;
  readonly envelope: Envelope;
  readonly body: MessageOf<Type>;
  /** As it came. */
  readonly raw: RawRecord;
}

/** A message that was read and checked. */
export type InMessage<Type extends MessageType = MessageType> = { readonly [Key in Type]: Typed<Key> }[Type];

/** `skipped`: a message of the platform that this program was not made for. `unreadable`: for the dead-letter topic. */
export type Reading =
  | { readonly kind: 'message'; readonly message: InMessage }
  | { readonly kind: 'skipped' }
  | { readonly kind: 'unreadable'; readonly reason: string }
  | { readonly kind: 'outdated'; readonly reason: string };

interface Unchecked extends Omit<Typed<MessageType>, 'type' | 'body'> {
  readonly type: string;
  readonly body: unknown;
}

/** The codec has checked the body against the schema of this very type. */
const isInMessage = (candidate: Unchecked): candidate is InMessage => messageByType(candidate.type) !== undefined;

const isOthers = (codec: MessageCodec, topic: string, type: string): boolean =>
  !codec.knows(topic, type) && messagesOn(topic).some((message) => message.type === type);

const typeOf = (headers: Headers): string | undefined => {
  try {
    return fromHeaders(headers).type;
  } catch {
    return undefined;
  }
};

const reasonOf = (error: unknown): string => (isKafkaError(error) ? `${error.code}: ${error.message}` : String(error));

/**
 * Total over every record. `outdated`: of a later version of its message, which this program is too old for. Rejects only when the
 * schema registry has to be asked and does not answer.
 */
export const readRecord = async (
  codec: MessageCodec,
  at: { readonly partition: number; readonly offset: string },
  record: RawRecord,
): Promise<Reading> => {
  const { topic, value } = record;
  try {
    return open(codec, at, record);
  } catch (error) {
    const reason = reasonOf(error);
    const type = typeOf(record.headers);
    if (type === undefined) return { kind: 'unreadable', reason };
    if (isKafkaError(error, 'unknown_message') && isOthers(codec, topic, type)) return { kind: 'skipped' };
    if (value === null) return { kind: 'unreadable', reason };
    if (isKafkaError(error, 'unknown_schema') && (await codec.learn(topic, type, fromWire(value).schemaId))) {
      return readRecord(codec, at, record);
    }
    const isAhead = isKafkaError(error, 'invalid_body') && (await codec.isAhead(topic, type, value));
    return { kind: isAhead ? 'outdated' : 'unreadable', reason };
  }
};

const open = (codec: MessageCodec, at: { readonly partition: number; readonly offset: string }, record: RawRecord): Reading => {
  const { envelope, body } = codec.open(record);
  const { topic } = record;
  const candidate: Unchecked = { ...at, topic, key: envelope.tenantId, type: envelope.type, envelope, body, raw: record };
  return isInMessage(candidate) ? { kind: 'message', message: candidate } : { kind: 'skipped' };
};
