import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { spawnProcess, testStack, uniqueName, waitFor } from '@ultracore/testkit';
import { expect, test } from 'vitest';

test('what the README shows runs, and answers for the tenant of the token', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const snippet = /```ts\n([^]*?)```/.exec(readme)?.[1] ?? '';
  const { kafka, schemaRegistryUrl } = testStack();
  const { username, password } = kafka.principals['admin'] ?? {};
  const directory = new URL('../.local/', import.meta.url);
  const file = new URL(`${uniqueName('readme')}.ts`, directory);
  await mkdir(directory, { recursive: true });
  await writeFile(
    file,
    `import { createHttpServer, createLogger } from '@ultracore/service';
     import { ack, connectKafka, createConsumer, createMessageCodec, deadLetter, type InMessage } from '@ultracore/kafka';
     import { getTenant, tenantIsolation, withTenantContext } from '../src/index.ts';
     const logger = createLogger({ name: 'readme', level: 'warn' });
     const authenticator = { authenticate: async (header = '') => ({ subject: 'a', roles: [], tenantId: header }) };
     const server = await createHttpServer({ logger, authenticator, title: 'Test', version: '1' });
     const { BROKERS = '', KAFKA_USER, KAFKA_PASSWORD, REGISTRY = '' } = process.env;
     const kafka = connectKafka({ brokers: BROKERS.split(','), clientId: 'readme', username: KAFKA_USER, password: KAFKA_PASSWORD, logger });
     const codec = await createMessageCodec({ schemaRegistryUrl: REGISTRY, messages: [] });
     ${snippet.replace('producer.portfolios', uniqueName('readme'))}
     await consumer.start();
     console.log(await server.listen({ host: '127.0.0.1', port: 0 }));
     process.on('SIGTERM', async () => { await server.close(); await consumer.stop(); process.exit(0); });`,
  );
  const running = await spawnProcess(['node', file.pathname], {
    env: {
      BROKERS: kafka.brokers.join(','),
      KAFKA_USER: username,
      KAFKA_PASSWORD: password,
      REGISTRY: schemaRegistryUrl,
    },
  });
  try {
    const url = await waitFor(() => /http:\/\/\S+/.exec(running.output())?.[0], { what: 'the server', deadlineMs: 30_000 });
    const answer = await fetch(`${url}/v1/portfolios`, { headers: { authorization: 'acme' } });
    expect(await answer.json()).toEqual({ tenant: 'acme', portfolios: ['the first portfolio of acme'] });
  } finally {
    await running.stop();
    await rm(file);
  }
});
