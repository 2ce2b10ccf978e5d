import { isDeepStrictEqual } from 'node:util';
import { fromHeaders, isBeatKey, jsonSchemaOf, messageByType, subjectOf } from '@ultracore/contracts';
import type { Envelope, HeaderValue, MessageDefinition } from '@ultracore/contracts';
import { KafkaError } from './errors.ts';
import { createSchemaRegistry } from './schema-registry.ts';
import type { SchemaRegistry } from './schema-registry.ts';
import { fromWire, toWire } from './wire-format.ts';

export interface CodecMessage {
  readonly topic: string;
  readonly type: string;
}

export interface CodecOptions {
  /** Base of the Confluent API of the schema registry. */
  readonly schemaRegistryUrl: string;
  /** What this program writes or reads, and where. */
  readonly messages: readonly CodecMessage[];
}

export type Headers = Readonly<Record<string, HeaderValue>>;

/** A record as it comes from Kafka. */
export interface RawRecord {
  readonly topic: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Headers;
}

export interface Opened {
  readonly envelope: Envelope;
  readonly body: unknown;
}

export interface MessageCodec {
  /** The value of a record. Throws `unknown_message` or `invalid_body`. */
  encode(message: { topic: string; type: string; body: unknown }): Buffer;
  /**
   * The body of a value, checked against its schema. Throws `bad_envelope`, `not_wire_format`, `unknown_schema`, `unknown_message`,
   * `envelope_mismatch` or `invalid_body`.
   */
  decode(topic: string, value: Buffer | null, headers: Headers): unknown;
  /** As `decode`, and checks that key, envelope and body name the same tenant and event. */
  open(record: RawRecord): Opened;
  /** Whether the codec was made for this type on this topic. */
  knows(topic: string, type: string): boolean;
  /**
   * After `unknown_schema`: asks the registry whether the id belongs to another version of the subject, older or later than ours. If
   * so, it is known from now on. Rejects with `registry_unreachable`.
   */
  learn(topic: string, type: string, schemaId: number): Promise<boolean>;
  /** After `invalid_body`: whether the value is good under its own schema, which may be later than ours. Then it is we who are wrong. */
  isAhead(topic: string, type: string, value: Buffer): Promise<boolean>;
}

interface Entry {
  readonly subject: string;
  readonly message: MessageDefinition;
  readonly id: number;
  /** Of the versions met so far: topics are kept for ever, so records of every version are met. */
  readonly ids: Set<number>;
  /** Those that may have been registered after our start. */
  readonly laterIds: Set<number>;
  readonly asked: Map<number, Promise<boolean>>;
}

const keyOf = (topic: string, type: string): string => `${topic}\n${type}`;

const resolve = async (registry: SchemaRegistry, { topic, type }: CodecMessage): Promise<Entry> => {
  const message = messageByType(type);
  if (message === undefined) throw new KafkaError('unknown_message', `there is no message ${type}`);
  const subject = subjectOf(topic, type);
  const latest = await registry.latest(subject);
  if (latest === undefined) {
    throw new KafkaError('schema_missing', `the schema registry has no subject ${subject}: run infra/kafka against it first`);
  }
  if (!isDeepStrictEqual(latest.schema, jsonSchemaOf(message))) {
    throw new KafkaError(
      'schema_mismatch',
      `the latest schema of the subject ${subject}, with the id ${latest.id}, is not what this program was compiled with: it is older or newer than the platform`,
    );
  }
  return { subject, message, id: latest.id, ids: new Set([latest.id]), laterIds: new Set(), asked: new Map() };
};

/**
 * Whether the id belongs to a version of the entry's subject; `ids` and `laterIds` then have it. An id does not say when it was
 * registered: it counts as later unless ours is still the latest.
 */
const askFor = async (registry: SchemaRegistry, entry: Entry, schemaId: number): Promise<boolean> => {
  if (!(await registry.isVersion(entry.subject, schemaId))) return false;
  // In this order: a version registered between the two requests would else pass for an old one.
  const latest = await registry.latest(entry.subject);
  if (latest?.id !== entry.id) entry.laterIds.add(schemaId);
  entry.ids.add(schemaId);
  return true;
};

const explain = (issues: readonly { path: readonly PropertyKey[]; message: string }[]): string =>
  issues
    .slice(0, 5)
    .map(({ path, message }) => `${path.map(String).join('.') || 'the body'}: ${message}`)
    .join('; ');

const check = (entry: Entry, body: unknown): unknown => {
  const parsed = entry.message.schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new KafkaError('invalid_body', `${entry.message.type} is not what its schema says: ${explain(parsed.error.issues)}`);
};

const envelopeOf = (headers: Headers): Envelope => {
  try {
    return fromHeaders(headers);
  } catch (error) {
    throw new KafkaError('bad_envelope', error instanceof Error ? error.message : 'the envelope cannot be read', {
      cause: error,
    });
  }
};

const textField = (body: unknown, name: string): string | undefined => {
  const value: unknown = typeof body === 'object' && body !== null ? Reflect.get(body, name) : undefined;
  return typeof value === 'string' ? value : undefined;
};

/** Throws `envelope_mismatch` unless key, envelope and body name the same tenant and the same event. */
export const checkAgreement = (key: string | undefined, envelope: Envelope, body: unknown): void => {
  const differ = (what: string): never => {
    throw new KafkaError('envelope_mismatch', `${what} (${envelope.type} ${envelope.id})`);
  };
  if (key !== envelope.tenantId) differ('the key is not the tenant of the envelope');
  const tenantId = textField(body, 'tenant_id');
  if (tenantId === undefined ? !isBeatKey(envelope.tenantId) : tenantId !== envelope.tenantId) {
    differ('the body is about another tenant than the envelope');
  }
  const eventId = textField(body, 'event_id');
  if (eventId !== undefined && eventId !== envelope.id) differ('the body has another event id than the envelope');
};

/**
 * Reads and writes message values. Schema ids are resolved once, here; rejects with `schema_mismatch` or `schema_missing`, naming the
 * subject, when the registry's latest schema is not the one this program was compiled with.
 */
export const createMessageCodec = async ({ schemaRegistryUrl, messages }: CodecOptions): Promise<MessageCodec> => {
  const registry = createSchemaRegistry(schemaRegistryUrl);
  const resolved = await Promise.all(messages.map((message) => resolve(registry, message)));
  const entries = new Map(messages.map(({ topic, type }, index) => [keyOf(topic, type), resolved[index]]));

  const find = (topic: string, type: string): Entry => {
    const entry = entries.get(keyOf(topic, type));
    if (entry !== undefined) return entry;
    throw new KafkaError('unknown_message', `this program was not made for ${type} on the topic ${topic}`);
  };

  const isOfAnother = (topic: string, schemaId: number): boolean =>
    messages.some((message, index) => message.topic === topic && resolved[index]?.ids.has(schemaId) === true);

  const read = (topic: string, value: Buffer | null, envelope: Envelope): unknown => {
    const entry = find(topic, envelope.type);
    const { schemaId, body } = fromWire(value);
    if (!entry.ids.has(schemaId)) {
      if (isOfAnother(topic, schemaId)) {
        throw new KafkaError(
          'envelope_mismatch',
          `the envelope says ${envelope.type}, the schema id ${schemaId} is of another message`,
        );
      }
      throw new KafkaError('unknown_schema', `the schema id ${schemaId} is no version of ${entry.subject}`);
    }
    return check(entry, body());
  };

  return {
    encode({ topic, type, body }) {
      const entry = find(topic, type);
      return toWire(entry.id, check(entry, body));
    },
    decode: (topic, value, headers) => read(topic, value, envelopeOf(headers)),
    open({ topic, key, value, headers }) {
      const envelope = envelopeOf(headers);
      const body = read(topic, value, envelope);
      checkAgreement(key?.toString('utf8'), envelope, body);
      return { envelope, body };
    },
    knows: (topic, type) => entries.has(keyOf(topic, type)),
    async learn(topic, type, schemaId) {
      const entry = find(topic, type);
      const asked = entry.asked.get(schemaId) ?? askFor(registry, entry, schemaId).finally(() => entry.asked.delete(schemaId));
      entry.asked.set(schemaId, asked);
      return asked;
    },
    async isAhead(topic, type, value) {
      return find(topic, type).laterIds.has(fromWire(value).schemaId) && registry.accepts(value);
    },
  };
};
