import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { LauncherError } from '../errors.ts';
import { runProgram } from '../program.ts';
import { type ManagedProcess, type StartContext, startProcess } from '../processes.ts';
import { answers as kafkaAnswers } from './kafka.ts';
import { answers as registryAnswers } from './schema-registry.ts';
import { untilReady } from './backend.ts';

export interface ComposeOptions {
  root: string;
  dataDir: string;
  logDir: string;
  ports: Readonly<Record<string, number>>;
  kafkaPasswords: Readonly<Record<string, string>>;
}

/** Containers and volumes of one data directory; another one gets its own. */
function composeProject(dataDir: string): string {
  return `ultracore-${createHash('sha256').update(dataDir).digest('hex').slice(0, 8)}`;
}

/**
 * Runs one backend of `docker-compose.yml` in the foreground, so that its log, its end and a Ctrl-C are those of a process of
 * ours. Ready by the same probe as the backend that we start ourselves; the first time includes the fetching of the image.
 */
export async function startComposed(
  service: 'kafka' | 'schema-registry',
  options: ComposeOptions,
  context: StartContext,
): Promise<ManagedProcess> {
  const { admin = '', ...others } = options.kafkaPasswords;
  const process_ = await startProcess(
    {
      name: service,
      command: 'docker',
      args: ['compose', '-p', composeProject(options.dataDir), 'up', '--no-color', '--no-log-prefix', '--no-deps', service],
      env: {
        ...process.env,
        ULTRACORE_KAFKA_PORT: String(options.ports['kafka']),
        ULTRACORE_KAFKA_ADMIN_PASSWORD: admin,
        ULTRACORE_KAFKA_PRINCIPALS: Object.entries(others)
          .map(([name, password]) => `${name}=${password}`)
          .join(','),
        ULTRACORE_SCHEMA_REGISTRY_PORT: String(options.ports['schema_registry']),
      },
      cwd: options.root,
      logFile: join(options.logDir, `${service}.log`),
      stopSignal: 'SIGINT',
    },
    context,
  );
  const ready =
    service === 'kafka'
      ? () => kafkaAnswers('127.0.0.1', options.ports['kafka'] ?? 0)
      : () => registryAnswers(`http://127.0.0.1:${options.ports['schema_registry']}/apis/ccompat/v7`);
  await untilReady(process_, ready, 300_000, context.signal);
  return process_;
}

/** Deletes the containers and volumes of a data directory that starts over. */
export async function removeComposed(root: string, dataDir: string): Promise<void> {
  const { code, output } = await runProgram('docker', ['compose', '-p', composeProject(dataDir), 'down', '--volumes'], root);
  if (code === 0) return;
  throw new LauncherError(
    'docker_failed',
    `Docker could not delete the containers of ${dataDir}: ${output.trim().split('\n').at(-1)}`,
  );
}
