import { TOPIC_SPECS, TOPICS } from '@ultracore/contracts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Api } from '../src/api.ts';
import { faultsOf } from '../src/convergence.ts';
import { loginOf, type Tier, withClient } from '../src/homes.ts';
import { createPlatform, type Platform } from '../src/platform.ts';
import { freshId } from '../src/tenants.ts';
import { readTopic } from '../src/topics.ts';

let platform: Platform;
let api: Api;
const tenants: { id: string; tier: Tier }[] = (['enterprise', 'standard', 'small'] as const).map((tier) => ({
  id: freshId('secret'),
  tier,
}));

beforeAll(async () => {
  platform = await createPlatform();
  await Promise.all([platform.start('registry'), platform.start('provisioning-worker', { env: { LOG_LEVEL: 'trace' } })]);
  api = platform.api();
  for (const { id, tier } of tenants) {
    await api.create({ tenant_id: id, tier });
    expect(await faultsOf(platform.stack, api, id, tier)).toEqual([]);
  }
});
afterAll(() => platform[Symbol.asyncDispose]());

/** Every secret there is, by what it is. */
async function secrets(): Promise<Map<string, string>> {
  const { stack, secrets: local } = platform;
  const found = new Map<string, string>([
    ['the master password', stack.master_password],
    ['the superuser password', local.postgres_superuser_password],
    ...Object.entries(local.postgres_role_passwords).map(([role, password]): [string, string] => [
      `the password of ${role}`,
      password,
    ]),
    ...Object.entries(local.kafka_passwords).map(([name, password]): [string, string] => [
      `the Kafka password of ${name}`,
      password,
    ]),
    ...Object.entries(platform.tokens).map(([role, token]): [string, string] => [`the ${role}'s token`, token]),
  ]);
  for (const { id } of tenants) {
    for (const mode of ['readwrite', 'readonly'] as const) {
      const login = await loginOf(stack, id, mode);
      found.set(`the password of ${login.user}`, login.password);
    }
  }
  return found;
}

const foundIn = (text: string, all: ReadonlyMap<string, string>): string[] =>
  [...all].filter(([, secret]) => text.includes(secret)).map(([what]) => what);

describe('no secret', () => {
  test('is in any log, down to level trace', async () => {
    const logs = platform.logs();
    expect(logs.length).toBeGreaterThan(1_000);
    expect(foundIn(logs, await secrets())).toEqual([]);
    expect(logs).not.toContain('SCRAM-SHA-256$');
  });

  // Other files forge messages on the same stack, so where sealed passwords go is asked of this file's tenants only.
  test('is in any topic; sealed passwords are in security, its facts and the directory only', async () => {
    const maySeal = new Set<string>([TOPICS.security, TOPICS.facts('provisioning-worker'), TOPICS.directory]);
    const own = new Set<string | undefined>(tenants.map(({ id }) => id));
    const sealedIn: string[] = [];
    const all = await secrets();
    for (const { topic } of TOPIC_SPECS) {
      const records = await readTopic(platform.stack, topic);
      const texts = records.map((record) => ({
        own: own.has(record.key),
        text: `${record.key} ${JSON.stringify(record.headers)} ${record.value?.toString('utf8') ?? ''}`,
      }));
      expect(foundIn(texts.map(({ text }) => text).join('\n'), all), topic).toEqual([]);
      if (texts.some((record) => record.own && /"[a-z_]*password_encrypted"/.test(record.text))) sealedIn.push(topic);
    }
    expect(new Set(sealedIn)).toEqual(maySeal);
  });

  test('is in any answer: not one holds a password, sealed or not', async () => {
    const all = await secrets();
    const paths = tenants.flatMap(({ id }) => [`/v1/tenants/${id}`, `/v1/tenants/${id}/events?limit=200`]);
    for (const path of [
      ...paths,
      '/v1/tenants?limit=200',
      '/openapi.json',
      '/metrics',
      '/readyz',
      '/v1/tenants/no-such-tenant',
    ]) {
      const { text } = await api.request('GET', path);
      expect(foundIn(text, all), path).toEqual([]);
      expect(text, path).not.toMatch(/v1\.k1\./);
    }
  });
});

describe('a sealed password', () => {
  const [, first, second] = tenants;

  test('that was copied from another tenant, or changed, does not open', async () => {
    const sealedOf = (id: string) =>
      withClient({ stack: platform.stack, database: 'ultracore_tenants' }, async (client) => {
        const { rows } = await client.query<{ sealed: string }>(
          'select db_password_encrypted as sealed from tenant_configs where tenant_id = $1',
          [id],
        );
        return rows[0]?.sealed ?? '';
      });
    const put = (id: string, sealed: string) =>
      withClient({ stack: platform.stack, database: 'ultracore_tenants' }, async (client) => {
        await client.query('update tenant_configs set db_password_encrypted = $2 where tenant_id = $1', [id, sealed]);
      });
    const [victim, thief] = [String(first?.id), String(second?.id)];
    const own = await sealedOf(thief);
    try {
      await put(thief, await sealedOf(victim));
      await expect(loginOf(platform.stack, thief)).rejects.toMatchObject({ code: 'tampered' });
      // In the middle of the ciphertext: its last character may hold bits that mean nothing, and then says nothing either way.
      const changed = own.replace(/(.)(.{20})$/, (_, a: string, b: string) => `${a === 'x' ? 'y' : 'x'}${b}`);
      await put(thief, changed);
      await expect(loginOf(platform.stack, thief)).rejects.toMatchObject({ code: 'tampered' });
    } finally {
      await put(thief, own);
    }
    expect((await loginOf(platform.stack, thief)).password).not.toBe('');
  });

  test('is not tried with the wrong master password: the worker refuses to start, with one clear error', async () => {
    const wrong = await platform.start('provisioning-worker', {
      env: { ULTRACORE_MASTER_PASSWORD: 'not the master password' },
      untilReady: false,
    });
    expect(await wrong.exited).toMatchObject({ code: 1 });
    expect(wrong.output().trim().split('\n')).toEqual([expect.stringMatching(/ULTRACORE_MASTER_PASSWORD .* is not the one/)]);
    expect(wrong.output()).not.toContain('not the master password');
  });
});
