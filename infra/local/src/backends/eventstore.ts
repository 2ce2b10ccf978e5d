import { mkdirSync } from 'node:fs';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { type ManagedProcess, type StartContext, startProcess } from '../processes.ts';
import { untilReady } from './backend.ts';

/** Starts the embedded event store over the data directory. Ready = it speaks HTTP/2. */
export async function startEventStore(
  options: { root: string; dataDir: string; logDir: string; port: number },
  context: StartContext,
): Promise<ManagedProcess> {
  const home = join(options.dataDir, 'eventstore');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const process_ = await startProcess(
    {
      name: 'eventstore',
      command: process.execPath,
      args: [
        'packages/embedded-eventstore/src/main.ts',
        '--host',
        '127.0.0.1',
        '--port',
        String(options.port),
        '--data-dir',
        home,
      ],
      env: { PATH: process.env['PATH'] },
      cwd: options.root,
      logFile: join(options.logDir, 'eventstore.log'),
    },
    context,
  );
  await untilReady(process_, () => answers('127.0.0.1', options.port, false), 30_000, context.signal);
  return process_;
}

/** True when the address answers with an HTTP/2 settings frame, as every gRPC server does first. */
export function answers(host: string, port: number, tls: boolean, timeoutMs = 2_000): Promise<boolean> {
  return new Promise((resolve) => {
    // Only whether it is there is asked, and nothing secret is said: its certificate is the client's business.
    const session = connect(`${tls ? 'https' : 'http'}://${host}:${port}`, { rejectUnauthorized: false });
    const finish = (answer: boolean) => {
      session.destroy();
      resolve(answer);
    };
    session.setTimeout(timeoutMs, () => finish(false));
    session.once('error', () => finish(false));
    session.once('remoteSettings', () => finish(true));
  });
}
