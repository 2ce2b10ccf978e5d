import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DockerComposeEnvironment } from 'testcontainers';
import type { StackJson } from './stack.ts';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const PASSWORD = 'ultracore-test';

/** The backends of `docker-compose.yml`, on its fixed ports of the loopback address; removed with their volumes at the end. */
export async function startContainers(): Promise<{ stack: StackJson; stop: () => Promise<void> }> {
  const environment = await new DockerComposeEnvironment(ROOT, 'docker-compose.yml')
    .withEnvironment({ ULTRACORE_POSTGRES_PASSWORD: PASSWORD, ULTRACORE_KAFKA_ADMIN_PASSWORD: PASSWORD })
    .withStartupTimeout(180_000)
    .up();
  return {
    stack: {
      postgres: { host: '127.0.0.1', port: 54320, user: 'postgres', password: PASSWORD },
      kafka_brokers: ['127.0.0.1:19092'],
      kafka_principals: { admin: { username: 'admin', password: PASSWORD } },
      schema_registry_url: 'http://127.0.0.1:18081/apis/ccompat/v7',
      eventstoredb_url: 'esdb://127.0.0.1:2113?tls=false',
    },
    stop: async () => {
      await environment.down({ removeVolumes: true });
    },
  };
}
