import { mkdirSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { type ManagedProcess, startProcess } from '../processes.ts';
import { untilReady } from './backend.ts';

/** Starts the embedded event store over the data directory. Ready = it speaks HTTP/2. */
export async function startEventStore(options: {
  root: string;
  dataDir: string;
  logDir: string;
  port: number;
  signal?: AbortSignal;
}): Promise<{ process: ManagedProcess; url: string }> {
  const home = join(options.dataDir, 'eventstore');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const process_ = await startProcess({
    name: 'eventstore',
    command: process.execPath,
    args: ['packages/embedded-eventstore/src/main.ts', '--host', '127.0.0.1', '--port', String(options.port), '--data-dir', home],
    env: { PATH: process.env['PATH'] },
    cwd: options.root,
    logFile: join(options.logDir, 'eventstore.log'),
  });
  await untilReady(process_, () => answers('127.0.0.1', options.port), 30_000, options.signal);
  return { process: process_, url: `esdb://127.0.0.1:${options.port}?tls=false` };
}

/** True when the address answers with an HTTP/2 settings frame, as every gRPC server does first. */
export function answers(host: string, port: number, timeoutMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    const session = connect(`http://${host}:${port}`);
    const finish = (answer: boolean) => {
      session.destroy();
      resolve(answer);
    };
    session.setTimeout(timeoutMs, () => finish(false));
    session.once('error', () => finish(false));
    session.once('remoteSettings', () => finish(true));
  });
}
