import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { APICURIO_VERSION } from '../artifacts.ts';
import { type ManagedProcess, type StartContext, startProcess } from '../processes.ts';
import { untilReady } from './backend.ts';

const JVM = ['-Xms64m', '-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-XX:MaxMetaspaceSize=192m'];

/** Starts Apicurio over an H2 file of the data directory. Ready = its Confluent-compatible API lists the subjects. */
export async function startSchemaRegistry(
  options: { java: string; folder: string; dataDir: string; logDir: string; port: number },
  context: StartContext,
): Promise<ManagedProcess> {
  const home = join(options.dataDir, 'schema-registry');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const process_ = await startProcess(
    {
      name: 'schema-registry',
      command: options.java,
      args: [...JVM, '-jar', join(options.folder, `apicurio-registry-app-${APICURIO_VERSION}-runner.jar`)],
      env: {
        PATH: process.env['PATH'],
        QUARKUS_HTTP_HOST: '127.0.0.1',
        QUARKUS_HTTP_PORT: String(options.port),
        QUARKUS_LOG_CONSOLE_COLOR: 'false',
        QUARKUS_BANNER_ENABLED: 'false',
        APICURIO_STORAGE_KIND: 'sql',
        APICURIO_STORAGE_SQL_KIND: 'h2',
        // Without WRITE_DELAY=0 a `kill -9` right after a registration loses the schema.
        APICURIO_DATASOURCE_URL: `jdbc:h2:file:${join(home, 'registry')};WRITE_DELAY=0`,
        APICURIO_DATASOURCE_USERNAME: 'sa',
        APICURIO_DATASOURCE_PASSWORD: 'sa',
      },
      cwd: home,
      logFile: join(options.logDir, 'schema-registry.log'),
    },
    context,
  );
  const url = `http://127.0.0.1:${options.port}/apis/ccompat/v7`;
  await untilReady(process_, () => answers(url), 90_000, context.signal);
  return process_;
}

/** True when a Confluent-compatible schema registry lists its subjects at the URL. */
export async function answers(url: string): Promise<boolean> {
  const response = await fetch(`${url}/subjects`, { signal: AbortSignal.timeout(3_000) });
  await response.arrayBuffer();
  return response.ok;
}
