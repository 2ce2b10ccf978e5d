import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Load, Order, Reply, RunResult } from './messages.ts';

/** A load generator in a process of its own. One order at a time. */
export interface LoadControl extends AsyncDisposable {
  readonly pid: number;
  open(load: Load): Promise<void>;
  run(ms: number): Promise<RunResult>;
  pace(ms: number): Promise<RunResult>;
  close(): Promise<void>;
}

export function startLoadGenerator(name: string): LoadControl {
  const child = fork(fileURLToPath(new URL('main.ts', import.meta.url)), [name], {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));

  async function order(what: Order): Promise<RunResult | undefined> {
    const answer = await new Promise<Reply>((resolve, reject) => {
      const onExit = (code: number | null): void => {
        reject(new Error(`The load generator of ${name} ended (${code ?? 'by a signal'}).`));
      };
      child.once('exit', onExit);
      child.once('message', (message: Reply) => {
        child.off('exit', onExit);
        resolve(message);
      });
      child.send(what);
    });
    if (answer.kind === 'failed') throw new Error(`The load generator of ${name}: ${answer.reason}`);
    return answer.result;
  }

  async function result(what: Order): Promise<RunResult> {
    const found = await order(what);
    if (found === undefined) throw new Error(`The load generator of ${name} has nothing open.`);
    return found;
  }

  return {
    pid: child.pid ?? 0,
    async open(load) {
      await order({ kind: 'open', load });
    },
    run: (ms) => result({ kind: 'run', ms }),
    pace: (ms) => result({ kind: 'pace', ms }),
    async close() {
      await order({ kind: 'close' });
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
