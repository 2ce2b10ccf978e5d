import { TOPICS, TOPIC_SPECS, beatKey, jsonSchemaOf, messageByType } from '@ultracore/contracts';
import {
  connectKafka,
  createConsumer,
  createDirectoryReader,
  createMessageCodec,
  isKafkaError,
  ack,
  withAdmin,
} from '@ultracore/kafka';
import type { KafkaClient } from '@ultracore/kafka';
import { testStack, uniqueName } from '@ultracore/testkit';
import kafkajs from 'kafkajs';
import { beforeAll, describe, expect, it } from 'vitest';
import { ACCESS, ensureAcls, ensureTopics, registerSchemas, setupKafka } from '../src/index.ts';
import type { Principal } from '../src/index.ts';

const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const stack = testStack();
const quiet = () => undefined;
const logger = { debug: quiet, info: quiet, warn: quiet, error: quiet };
const login = (name: string): { username: string; password: string } =>
  stack.kafka.principals[name] ?? { username: name, password: '' };

const clientOf = (name: Principal | 'admin'): KafkaClient =>
  connectKafka({ brokers: stack.kafka.brokers, clientId: name, ...login(name), logger });

const setup = () =>
  setupKafka({
    brokers: stack.kafka.brokers,
    admin: login('admin'),
    schemaRegistryUrl: stack.schemaRegistryUrl,
    principals: stack.kafka.principals,
  });

const codeOf = async (run: Promise<unknown>): Promise<string> => {
  try {
    await run;
    return 'none';
  } catch (error) {
    return isKafkaError(error) ? error.code : String(error);
  }
};

beforeAll(async () => {
  await setup();
});

describe('setupKafka', () => {
  it('changes nothing the second time', async () => {
    expect(await setup()).toEqual({ topicsCreated: [], aclsGranted: 0, aclsRevoked: 0, schemasRegistered: [] });
  });

  it('makes every topic of the contract with its partitions and settings', async () => {
    await withAdmin(clientOf('admin'), 'topics', async (admin) => {
      const { topics } = await admin.fetchTopicMetadata({ topics: TOPIC_SPECS.map(({ topic }) => topic) });
      expect(new Set(topics.map(({ partitions }) => partitions.length))).toEqual(new Set([12]));
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: TOPICS.directory }],
      });
      const settings = new Map(resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue]));
      expect(settings.get('cleanup.policy')).toBe('compact');
      expect(settings.get('segment.ms')).toBe('3600000');
      expect(settings.get('max.compaction.lag.ms')).toBe('3600000');
    });
  });

  it('refuses wrong logins and registries with a code', async () => {
    const wrong = { brokers: stack.kafka.brokers, schemaRegistryUrl: stack.schemaRegistryUrl };
    expect(await codeOf(setupKafka({ ...wrong, admin: { username: 'admin', password: 'wrong' } }))).toBe('unauthenticated');
  });
});

describe('ensureTopics', () => {
  it('refuses a topic that has another number of partitions', async () => {
    await withAdmin(clientOf('admin'), 'topics', async (admin) => {
      const spec = {
        topic: uniqueName('setup'),
        partitions: 2,
        retentionMs: 'forever',
        cleanup: 'delete',
        settings: {},
      } as const;
      expect(await ensureTopics(admin, { replicationFactor: 1 }, [spec])).toEqual({ created: [spec.topic] });
      expect(await codeOf(ensureTopics(admin, { replicationFactor: 1 }, [{ ...spec, partitions: 3 }]))).toBe('topic_differs');
      await admin.deleteTopics({ topics: [spec.topic] });
    });
  });
});

describe('ensureAcls', () => {
  it('takes back what a principal has beyond the table, and leaves others alone', async () => {
    await withAdmin(clientOf('admin'), 'acls', async (admin) => {
      const user = uniqueName('optimizer');
      const surplus = (name: string) => ({
        resourceType: AclResourceTypes.TOPIC,
        resourceName: TOPICS.security,
        resourcePatternType: ResourcePatternTypes.LITERAL,
        principal: `User:${name}`,
        host: '*',
        operation: AclOperationTypes.READ,
        permissionType: AclPermissionTypes.ALLOW,
      });
      const other = uniqueName('other');
      await admin.createAcls({ acl: [surplus(user), surplus(other)] });
      const { granted, revoked } = await ensureAcls(admin, { optimizer: user });
      expect([granted > 0, revoked]).toEqual([true, 1]);
      expect(await ensureAcls(admin, { optimizer: user })).toEqual({ granted: 0, revoked: 0 });
      const filterOf = (name: string) => ({
        resourceType: AclResourceTypes.ANY,
        resourcePatternType: ResourcePatternTypes.ANY,
        principal: `User:${name}`,
        operation: AclOperationTypes.ANY,
        permissionType: AclPermissionTypes.ANY,
      });
      const { resources } = await admin.describeAcls(filterOf(other));
      expect(resources).toHaveLength(1);
      await admin.deleteAcls({ filters: [filterOf(user), filterOf(other)] });
    });
  });
});

describe('registerSchemas', () => {
  const compatibilityOf = async (subject: string): Promise<unknown> => {
    const answer: unknown = await (await fetch(`${stack.schemaRegistryUrl}/config/${subject}`)).json();
    return Object.values(answer as object)[0];
  };

  it('refuses a schema that existing records would not fit, naming the subject, and takes an optional property', async () => {
    const subject = uniqueName('setup');
    const schema = jsonSchemaOf(messageByType('TenantActivatedEvent'));
    const withProperty = { ...schema, properties: { ...schema.properties, note: { type: 'string' } } };
    const version = (changed: typeof schema) => [{ subject, topic: subject, type: 'TenantActivatedEvent', schema: changed }];
    const register = (changed: typeof schema) => registerSchemas(stack.schemaRegistryUrl, version(changed));
    expect(await register(schema)).toEqual({ registered: [subject] });
    expect(await register(schema)).toEqual({ registered: [] });
    await expect(register({ ...withProperty, required: [...(schema.required ?? []), 'note'] })).rejects.toThrow(subject);
    expect(await codeOf(register({ ...withProperty, required: [...(schema.required ?? []), 'note'] }))).toBe(
      'schema_incompatible',
    );
    expect(await register(withProperty)).toEqual({ registered: [subject] });
    expect(await compatibilityOf(subject)).toBe('BACKWARD');
  });

  it('sets the compatibility of a subject that has none, as after a death half-way, before it offers it a new version', async () => {
    const subject = uniqueName('setup');
    const schema = jsonSchemaOf(messageByType('TenantActivatedEvent'));
    const posted = await fetch(`${stack.schemaRegistryUrl}/subjects/${subject}/versions`, {
      method: 'POST',
      headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
      body: JSON.stringify({ schemaType: 'JSON', schema: JSON.stringify(schema) }),
    });
    expect(posted.status).toBe(200);
    expect(await compatibilityOf(subject)).toBe('NONE');
    const note = { ...schema, properties: { ...schema.properties, note: { type: 'string' } }, required: ['note'] };
    const register = (changed: typeof schema) =>
      registerSchemas(stack.schemaRegistryUrl, [{ subject, topic: subject, type: 'TenantActivatedEvent', schema: changed }]);
    expect(await codeOf(register(note))).toBe('schema_incompatible');
    expect(await register(schema)).toEqual({ registered: [] });
    expect(await compatibilityOf(subject)).toBe('BACKWARD');
  });
});

describe('the rights in Kafka', () => {
  const writeTo = async (name: Principal, topic: string): Promise<string> => {
    const producer = clientOf(name).kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } });
    await producer.connect();
    try {
      await producer.send({ topic, messages: [{ value: 'forged' }] });
      return 'written';
    } catch (error) {
      return hasWords(error, /not authorized/i) ? 'denied' : String(error);
    } finally {
      await producer.disconnect();
    }
  };

  it.each<[Principal, string]>([
    ['provisioning-worker', TOPICS.lifecycle],
    ['provisioning-worker', TOPICS.directory],
    ['data-product', TOPICS.facts('provisioning-worker')],
    ['registry', TOPICS.facts('provisioning-worker')],
    ['pool-gateway', TOPICS.facts('provisioning-worker')],
    ['pool-gateway', TOPICS.directory],
    ['optimizer', TOPICS.config],
    ['producer', TOPICS.lifecycle],
    ['producer', TOPICS.security],
  ])('deny %s to write to %s, whether it may read there or not', async (name, topic) => {
    expect(await writeTo(name, topic)).toBe('denied');
  });

  const hasWords = (error: unknown, words: RegExp): boolean =>
    error instanceof Error && (words.test(error.message) || hasWords(error.cause, words));

  /** Asks for the right itself: a transaction that is aborted leaves nothing that a reader would get. */
  const transactionOn = async (name: Principal, topic: string, transactionalId: string): Promise<string> => {
    const producer = clientOf(name).kafka.producer({ transactionalId, retry: { retries: 5 } });
    await producer.connect();
    try {
      const transaction = await producer.transaction();
      try {
        await transaction.send({ topic, messages: [{ key: beatKey(0), value: 'aborted' }] });
        return 'allowed';
      } finally {
        await transaction.abort().catch(quiet);
      }
    } catch (error) {
      return hasWords(error, /not authorized|authorization failed/i) ? 'denied' : String(error);
    } finally {
      await producer.disconnect();
    }
  };

  it('let the registry publish where it publishes, and deny it facts; transactional ids are each principal’s own', async () => {
    for (const topic of ACCESS.registry.writes) expect(await transactionOn('registry', topic, 'registry.test')).toBe('allowed');
    expect(await transactionOn('registry', TOPICS.facts('provisioning-worker'), 'registry.test')).toBe('denied');
    expect(await transactionOn('provisioning-worker', TOPICS.facts('provisioning-worker'), 'registry.test')).toBe('denied');
    expect(await transactionOn('producer', TOPICS.requests, 'producer.test')).toBe('denied');
  });

  it('let a gateway read the directory in groups of its own, and nothing else', async () => {
    const types = ['TenantDirectoryRecord', 'DirectoryBeat'];
    const messages = types.map((type) => ({ topic: TOPICS.directory, type }));
    const codec = await createMessageCodec({ schemaRegistryUrl: stack.schemaRegistryUrl, messages });
    const gateway = clientOf('pool-gateway');
    const reader = createDirectoryReader(gateway, codec, { clientId: 'pool-gateway', onRow: quiet, onUnreadable: quiet });
    await reader.start();
    expect(reader.health()).toBeUndefined();
    await reader.stop();
    const consumerOf = (groupId: string, topic: string) =>
      createConsumer(gateway, codec, { groupId, topics: [topic], handle: ack, onStopped: quiet });
    expect(await codeOf(consumerOf('pool-gateway.test', TOPICS.security).start())).toBe('refused');
    expect(await codeOf(consumerOf('registry.test', TOPICS.directory).start())).toBe('refused');
  });

  it('refuse a wrong password with a code of its own', async () => {
    const client = connectKafka({
      brokers: stack.kafka.brokers,
      clientId: 'registry',
      username: 'registry',
      password: 'wrong',
      logger,
    });
    expect(await codeOf(withAdmin(client, 'asking', (admin) => admin.listTopics()))).toBe('unauthenticated');
  });
});
