import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SchemaRegistry, SchemaType } from '@kafkajs/confluent-schema-registry';
import { jsonSchemaOf, messageByType, subjectOf, toHeaders } from '@ultracore/contracts';
import { uniqueName } from '@ultracore/testkit';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { readRecord } from '../src/in-message.ts';
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

  it('refuses a server that is no schema registry, whatever it answers', async () => {
    const server = createServer((_request, response) => response.end('<html>welcome</html>')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const failure = await failureOf(() => createMessageCodec({ schemaRegistryUrl: url, messages: [{ topic: 'a', type }] }));
    server.closeAllConnections();
    await once(server.close(), 'close');
    expect(failure).toMatch(/^registry_unreachable: .*not that of a schema registry/);
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

  /** Narrower than the schema; compatible as a predecessor. */
  const narrower = {
    ...schema,
    properties: { ...schema.properties, reason: { ...schema.properties?.['reason'], maxLength: 10 } },
  };

  it('learns the ids of other versions when it meets them: older ones and later ones', async () => {
    const topic = uniqueName('codec');
    const subject = subjectOf(topic, type);
    const oldId = await registry.register(subject, narrower);
    await registerFor(topic, [type]);
    const codec = await codecFor(topic);
    const { body, envelope } = messageTo(topic, 0, 'enterprise-001');
    const value = codec.encode({ topic, type, body });
    value.writeInt32BE(oldId, 1);
    expect(await failureOf(() => codec.decode(topic, value, toHeaders(envelope)))).toMatch(/^unknown_schema: /);
    expect(await codec.learn(topic, type, oldId)).toBe(true);
    expect(codec.decode(topic, value, toHeaders(envelope))).toEqual(body);
    expect(await codec.isAhead(topic, type, value)).toBe(false);

    const laterId = await registry.register(subject, withoutReason);
    value.writeInt32BE(laterId, 1);
    expect(await failureOf(() => codec.decode(topic, value, toHeaders(envelope)))).toMatch(/^unknown_schema: /);
    expect(await Promise.all([codec.learn(topic, type, laterId), codec.learn(topic, type, laterId)])).toEqual([true, true]);
    expect(codec.decode(topic, value, toHeaders(envelope))).toEqual(body);
    expect(await codec.isAhead(topic, type, value)).toBe(true);
  });

  it('learns no id that is of another message, of another topic, or of nothing', async () => {
    const topic = uniqueName('codec');
    await registerFor(topic, [type, 'TenantActivatedEvent']);
    const elsewhere = await registry.register(uniqueName('codec'), { ...schema, title: uniqueName('codec') });
    const activated = await registry.latest(subjectOf(topic, 'TenantActivatedEvent'));
    const codec = await codecFor(topic);
    for (const id of [activated?.id ?? 0, elsewhere, 0, -1, 2_000_000_000])
      expect(await codec.learn(topic, type, id)).toBe(false);
  });

  it('reads a record of an older version, stops at one of a later version that it is too old for, and puts a broken one aside', async () => {
    const topic = uniqueName('codec');
    const subject = subjectOf(topic, type);
    const oldId = await registry.register(subject, narrower);
    await registerFor(topic, [type]);
    const codec = await codecFor(topic);
    const laterId = await registry.register(subject, withoutReason);
    const { body, envelope, key } = messageTo(topic, 0, 'enterprise-001');
    const { reason: _, ...later } = body as Record<string, unknown>;
    const read = async (id: number, content: unknown): Promise<string> => {
      const prefix = Buffer.alloc(5);
      prefix.writeInt32BE(id, 1);
      const value = Buffer.concat([prefix, Buffer.from(JSON.stringify(content))]);
      const record = { topic, key: Buffer.from(key), value, headers: toHeaders(envelope) };
      const reading = await readRecord(codec, { partition: 0, offset: '0' }, record);
      return 'reason' in reading ? `${reading.kind}, ${reading.reason}` : reading.kind;
    };
    expect(await read(oldId, body)).toBe('message');
    expect(await read(laterId, body)).toBe('message');
    expect(await read(laterId, later)).toMatch(/^outdated, invalid_body: .*reason/);
    expect(await read(laterId, { ...later, surprise: 1 })).toMatch(/^unreadable, invalid_body: /);
    expect(await read(2_000_000_000, body)).toMatch(/^unreadable, unknown_schema: /);
  });
});
