import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { jsonSchemaOf, messageByType, subjectOf, toHeaders } from '@ultracore/contracts';
import { uniqueName } from '@ultracore/testkit';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { createMessageCodec, createSchemaRegistry, isKafkaError } from '../src/index.ts';
import { fixtureOf, messageTo, registerFor, stack } from './support.ts';

const type = 'TenantSuspendedEvent';
const schemaRegistryUrl = stack.schemaRegistryUrl;
const registry = createSchemaRegistry(schemaRegistryUrl);
const schema = jsonSchemaOf(messageByType(type));

const codecFor = (topic: string, types = [type]) =>
  createMessageCodec({ schemaRegistryUrl, messages: types.map((name) => ({ topic, type: name })) });

const failureOf = async (run: () => unknown): Promise<string> => {
  try {
    await run();
    return 'none';
  } catch (error) {
    return isKafkaError(error) ? `${error.code}: ${error.message}` : String(error);
  }
};

const withoutReason = { ...schema, required: schema.required?.filter((name) => name !== 'reason') };

describe('a codec at start', () => {
  it('refuses a subject whose latest schema is not the compiled one, naming the subject', async () => {
    const topic = uniqueName('codec');
    await registry.register(subjectOf(topic, type), withoutReason);
    const failure = await failureOf(() => codecFor(topic));
    expect(failure).toMatch(/^schema_mismatch: .*codec_[0-9a-f]+-TenantSuspendedEvent/);
  });

  it('refuses a subject that is not registered, and a registry that is not there', async () => {
    expect(await failureOf(() => codecFor(uniqueName('codec')))).toMatch(/^schema_missing: .*TenantSuspendedEvent/);
    const nowhere = createMessageCodec({ schemaRegistryUrl: 'http://127.0.0.1:1/apis', messages: [{ topic: 'a', type }] });
    expect(await failureOf(() => nowhere)).toMatch(/^registry_unreachable: /);
  });

  it('compares schemas by structure: the order of keys does not matter', async () => {
    const topic = uniqueName('codec');
    const reversed = Object.fromEntries(Object.entries(schema).reverse());
    await registry.register(subjectOf(topic, type), reversed);
    expect((await codecFor(topic)).knows(topic, type)).toBe(true);
  });
});

describe('a codec', () => {
  it('reads back what it wrote', async () => {
    const topic = uniqueName('codec');
    await registerFor(topic, [type]);
    const codec = await codecFor(topic);
    const { body, envelope, key } = messageTo(topic, 0, 'enterprise-001');
    const value = codec.encode({ topic, type, body });
    expect(codec.decode(topic, value, toHeaders(envelope))).toEqual(body);
    expect(codec.open({ topic, key: Buffer.from(key), value, headers: toHeaders(envelope) })).toEqual({ envelope, body });
  });

  it('speaks the wire format of the schema registry’s own client, both ways', async () => {
    const topic = uniqueName('codec');
    await registerFor(topic, [type]);
    const codec = await codecFor(topic);
    const ajvInstance = new Ajv();
    addFormats.default(ajvInstance);
    const theirs = new SchemaRegistry({ host: schemaRegistryUrl }, { [SchemaType.JSON]: { ajvInstance } });
    const { body, envelope } = messageTo(topic, 0, 'enterprise-001');
    expect(await theirs.decode(codec.encode({ topic, type, body }))).toEqual(body);
    const id = await theirs.getLatestSchemaId(subjectOf(topic, type));
    expect(codec.decode(topic, await theirs.encode(id, body), toHeaders(envelope))).toEqual(body);
  });

  it('refuses to write what is not in the contract, and types it was not made for', async () => {
    const topic = uniqueName('codec');
    await registerFor(topic, [type]);
    const codec = await codecFor(topic);
    const { body } = messageTo(topic, 0, 'enterprise-001', { surprise: 1 });
    expect(await failureOf(() => codec.encode({ topic, type, body }))).toMatch(/^invalid_body: .*surprise/);
    expect(await failureOf(() => codec.encode({ topic, type: 'TenantActivatedEvent', body }))).toMatch(/^unknown_message: /);
  });

  it('says with a code what is wrong with a value', async () => {
    const topic = uniqueName('codec');
    const other = 'TenantActivatedEvent';
    await registerFor(topic, [type, other]);
    const codec = await codecFor(topic, [type, other]);
    const { body, envelope } = messageTo(topic, 0, 'enterprise-001');
    const headers = toHeaders(envelope);
    const value = codec.encode({ topic, type, body });
    const otherId = codec.encode({ topic, type: other, body: fixtureOf(other) }).readInt32BE(1);
    const withId = (id: number, rest = value.subarray(5)): Buffer => {
      const prefix = Buffer.alloc(5);
      prefix.writeInt32BE(id, 1);
      return Buffer.concat([prefix, rest]);
    };
    const codeOf = async (bytes: Buffer | null, with_ = headers): Promise<string | undefined> =>
      (await failureOf(() => codec.decode(topic, bytes, with_))).split(':')[0];
    expect(await codeOf(null)).toBe('not_wire_format');
    expect(await codeOf(Buffer.from('{}'))).toBe('not_wire_format');
    expect(await codeOf(Buffer.from('{"event_id":"a"}'))).toBe('not_wire_format');
    expect(await codeOf(value.subarray(0, 30))).toBe('not_wire_format');
    expect(await codeOf(withId(value.readInt32BE(1), Buffer.from([0x22, 0xff, 0x22])))).toBe('not_wire_format');
    expect(await codeOf(withId(2_000_000_000))).toBe('unknown_schema');
    expect(await codeOf(withId(otherId))).toBe('envelope_mismatch');
    expect(await codeOf(withId(value.readInt32BE(1), Buffer.from('{"a":1}')))).toBe('invalid_body');
    expect(await codeOf(value, {})).toBe('bad_envelope');
    expect(await codeOf(value, { ...headers, ce_type: 'TenantPurgeRequestedEvent' })).toBe('unknown_message');
  });

  it('refuses a record whose key, envelope and body do not name the same tenant and event', async () => {
    const topic = uniqueName('codec');
    await registerFor(topic, [type]);
    const codec = await codecFor(topic);
    const { body, envelope } = messageTo(topic, 0, 'enterprise-001');
    const value = codec.encode({ topic, type, body });
    const open = (key: string | null, change: Partial<typeof envelope> = {}) =>
      failureOf(() =>
        codec.open({ topic, key: key === null ? null : Buffer.from(key), value, headers: toHeaders({ ...envelope, ...change }) }),
      );
    expect(await open('enterprise-001')).toBe('none');
    expect(await open('standard-002')).toMatch(/^envelope_mismatch: /);
    expect(await open(null)).toMatch(/^envelope_mismatch: /);
    expect(await open('standard-002', { tenantId: 'standard-002' })).toMatch(/^envelope_mismatch: /);
    expect(await open('enterprise-001', { id: '018f3c2a-7b1d-5001-9c4e-2f6a8b0d0007' })).toMatch(/^envelope_mismatch: /);
  });

  it('reads records of every version that was registered before it started, and learns of later ones', async () => {
    const topic = uniqueName('codec');
    const subject = subjectOf(topic, type);
    const narrower = {
      ...schema,
      properties: { ...schema.properties, reason: { ...schema.properties?.['reason'], maxLength: 10 } },
    };
    const oldId = await registry.register(subject, narrower);
    await registerFor(topic, [type]);
    const codec = await codecFor(topic);
    const { body, envelope } = messageTo(topic, 0, 'enterprise-001');
    const value = codec.encode({ topic, type, body });
    value.writeInt32BE(oldId, 1);
    expect(codec.decode(topic, value, toHeaders(envelope))).toEqual(body);

    const laterId = await registry.register(subject, withoutReason);
    value.writeInt32BE(laterId, 1);
    expect(await failureOf(() => codec.decode(topic, value, toHeaders(envelope)))).toMatch(/^unknown_schema: /);
    expect(await codec.learn(topic, type, laterId)).toBe(true);
    expect(codec.decode(topic, value, toHeaders(envelope))).toEqual(body);
    expect(codec.isLater(topic, type, laterId)).toBe(true);
    expect(await codec.learn(topic, type, 2_000_000_000)).toBe(false);
  });
});
