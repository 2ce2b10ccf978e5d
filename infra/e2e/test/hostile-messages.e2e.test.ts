import { randomUUID } from 'node:crypto';
import { eventId } from '@ultracore/event-sourcing';
import { waitFor } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../src/api.ts';
import { faultsOf } from '../src/convergence.ts';
import { createPlatform, type Platform } from '../src/platform.ts';
import { freshId } from '../src/tenants.ts';
import { readTopic, wireFormat, withRawProducer } from '../src/topics.ts';

const FACTS = 'multitenancy.facts.provisioning-worker';
const LIFECYCLE = 'multitenancy.lifecycle';

let platform: Platform;
let api: Api;
beforeAll(async () => {
  platform = await createPlatform();
  await platform.start('registry');
  api = platform.api();
});
afterAll(() => platform[Symbol.asyncDispose]());

/** A well-formed MigrationsCompleted about a request of a tenant, as its owner would write it. */
async function migrationsCompleted(topic: string, tenantId: string, requestId: string) {
  const id = eventId(requestId, 'completed');
  const now = new Date().toISOString();
  const type = 'TenantMigrationsCompletedEvent';
  return {
    key: tenantId,
    value: await wireFormat(platform.stack, topic, type, {
      event_id: id,
      tenant_id: tenantId,
      migration_version: '0001',
      migrations_applied: 1,
      tables_created: 1,
      completed_at: now,
    }),
    headers: {
      ce_specversion: '1.0',
      ce_id: id,
      ce_type: type,
      ce_source: 'provisioning-worker',
      ce_subject: tenantId,
      ce_time: now,
      ce_tenantid: tenantId,
      ce_causationid: requestId,
      'content-type': 'application/json',
    },
  };
}

const requestIdOf = async (tenantId: string): Promise<string> => {
  const { body } = await api.request('GET', `/v1/tenants/${tenantId}/events`);
  return String((body['events'] as { event_id: string }[])[0]?.event_id);
};

describe('a forged fact', () => {
  test('on lifecycle activates nobody, whatever it says', async () => {
    const id = freshId('forged');
    await api.create({ tenant_id: id, tier: 'small' });
    const forged = await migrationsCompleted(LIFECYCLE, id, await requestIdOf(id));
    await withRawProducer(platform.stack, 'admin', (producer) => producer.send({ topic: LIFECYCLE, messages: [forged] }));
    // No worker runs yet, so nothing true can have happened; one that starts now reads the forged message before its work.
    const worker = await platform.start('provisioning-worker');
    expect(await faultsOf(platform.stack, api, id, 'small')).toEqual([]);
    await worker.stop();
  });

  test('cannot even be written by anybody who does not own it', async () => {
    const forged = await migrationsCompleted(FACTS, 'nobody-1', randomUUID());
    for (const principal of ['producer', 'pool-gateway', 'optimizer']) {
      for (const topic of [FACTS, LIFECYCLE]) {
        const sent = withRawProducer(platform.stack, principal, (producer) => producer.send({ topic, messages: [forged] }));
        await expect(sent, `${principal} on ${topic}`).rejects.toThrow(/not authorized/i);
      }
    }
  });

  test('of an attempt that is over, or of a request that never was, is recorded and changes nothing', async () => {
    const id = freshId('stale');
    await api.create({ tenant_id: id, tier: 'small' });
    const stale = await migrationsCompleted(FACTS, id, randomUUID());
    await withRawProducer(platform.stack, 'admin', (producer) => producer.send({ topic: FACTS, messages: [stale] }));
    await waitFor(async () => (await api.history(id)).includes('TenantMigrationsCompletedEvent'), {
      what: 'the fact to be recorded',
    });
    expect((await api.get(id)).body['status']).toBe('provisioning');
    const stopped = await api.request('POST', `/v1/tenants/${id}/terminate`, { body: { reason: 'end of the test' } });
    expect(stopped.status, stopped.text).toBe(202);
    const late = await migrationsCompleted(FACTS, id, await requestIdOf(id));
    await withRawProducer(platform.stack, 'admin', (producer) => producer.send({ topic: FACTS, messages: [late] }));
    await waitFor(async () => (await api.history(id)).filter((type) => type === 'TenantMigrationsCompletedEvent').length === 2, {
      what: 'the late fact to be recorded',
    });
    expect((await api.get(id)).body['status']).toBe('terminated');
  });
});

describe('a poison message', () => {
  const consumed = [FACTS, LIFECYCLE, 'multitenancy.config', 'multitenancy.security', 'multitenancy.directory'];

  test('on every consumed topic lands in its .dlq with its bytes and the reason, and the rest goes on', async () => {
    const worker = await platform.start('provisioning-worker');
    const poisons = consumed.flatMap((topic) =>
      [Buffer.from('not the wire format'), Buffer.from([0, 0, 0, 0, 1, 0x7b]), Buffer.from([])].map((value) => ({
        topic,
        key: freshId('poison'),
        value,
      })),
    );
    const before = freshId('before');
    const after = freshId('after');
    await api.create({ tenant_id: before });
    await withRawProducer(platform.stack, 'admin', async (producer) => {
      for (const { topic, key, value } of poisons) {
        // Into every partition, so that every tenant's records queue behind one.
        const messages = Array.from({ length: 12 }, (_, partition) => ({ key, value, partition }));
        await producer.send({ topic, messages });
      }
    });
    await api.create({ tenant_id: after, tier: 'standard' });
    expect(await faultsOf(platform.stack, api, before, 'small')).toEqual([]);
    expect(await faultsOf(platform.stack, api, after, 'standard')).toEqual([]);
    for (const topic of consumed) {
      const sent = poisons.filter((poison) => poison.topic === topic);
      const isKept = async () => {
        const kept = await readTopic(platform.stack, `${topic}.dlq`);
        return sent.every(({ key, value }) => {
          const own = kept.filter((record) => record.key === key);
          return (
            own.length >= 12 &&
            own.every((record) => value.equals(record.value ?? Buffer.alloc(0)) && record.headers['dlq_reason'])
          );
        });
      };
      await waitFor(isKept, { what: `every poison message of ${topic} to be in ${topic}.dlq`, deadlineMs: 30_000, everyMs: 500 });
    }
    await worker.stop();
  });
});
