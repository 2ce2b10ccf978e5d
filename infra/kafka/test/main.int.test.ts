import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnProcess, testStack } from '@ultracore/testkit';
import { afterAll, describe, expect, it } from 'vitest';

const stack = testStack();
const folder = mkdtempSync(join(tmpdir(), 'kafka-setup-'));
const program = join(import.meta.dirname, '../src/main.ts');

afterAll(() => rmSync(folder, { recursive: true }));

const run = async (env: Record<string, string>): Promise<{ code: number | null; output: string }> => {
  const setup = await spawnProcess(['node', program], { env, logFile: join(folder, `${Object.keys(env).length}.log`) });
  const { code } = await setup.exited;
  return { code, output: setup.output() };
};

describe('node infra/kafka/src/main.ts', () => {
  it('sets up a cluster as its README says, with the password from a file', async () => {
    const { username, password } = stack.kafka.principals['admin'] ?? { username: '', password: '' };
    const secret = join(folder, 'password');
    writeFileSync(secret, `${password}\n`);
    const { code, output } = await run({
      KAFKA_BROKERS: stack.kafka.brokers.join(','),
      SCHEMA_REGISTRY_URL: stack.schemaRegistryUrl,
      KAFKA_ADMIN_USERNAME: username,
      KAFKA_ADMIN_PASSWORD_FILE: secret,
    });
    expect(output).toMatch(/^\d+ topics created, \d+ rights granted, \d+ taken back, \d+ schemas registered\n$/);
    expect(code).toBe(0);
  });

  it('says everything that is wrong with its environment in one sentence, and fails', async () => {
    const { code, output } = await run({ KAFKA_ADMIN_USERNAME: 'admin' });
    expect(output).toBe(
      'the configuration is not usable: KAFKA_BROKERS is missing; SCHEMA_REGISTRY_URL is missing; ' +
        'KAFKA_ADMIN_USERNAME and KAFKA_ADMIN_PASSWORD belong together\n',
    );
    expect(code).toBe(1);
  });
});
