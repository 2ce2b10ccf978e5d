import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { EventStoreServerError, isEventStoreServerError } from './errors.ts';
import { type EventStoreOptions, startEventStore } from './server.ts';

const USAGE = 'Usage: eventstore --data-dir <folder> [--port 2113] [--host 127.0.0.1]';

const say = (line: string) => process.stdout.write(`${line}\n`);
const complain = (line: string) => process.stderr.write(`${line}\n`);

function readArguments(): EventStoreOptions {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '2113' }, host: { type: 'string' }, 'data-dir': { type: 'string' } },
  });
  const dataDir = values['data-dir'];
  if (dataDir === undefined) throw new EventStoreServerError('bad_argument', `The data directory is missing. ${USAGE}`);
  return { port: Number(values.port), dataDir: resolve(dataDir), ...(values.host === undefined ? {} : { host: values.host }) };
}

async function main(): Promise<void> {
  const options = readArguments();
  const server = await startEventStore(options);
  say(`Event store ready: ${server.url} (data in ${options.dataDir}). Ctrl-C stops it.`);
  await new Promise<void>((stopped) => {
    process.once('SIGINT', () => stopped());
    process.once('SIGTERM', () => stopped());
  });
  await server.stop();
  say('Event store stopped.');
}

try {
  await main();
} catch (error) {
  const isArgumentError = error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  if (isArgumentError) complain(`${error.message} ${USAGE}`);
  else if (isEventStoreServerError(error)) complain(error.message);
  else complain(String(error instanceof Error ? error.stack : error));
  process.exitCode = 1;
}
