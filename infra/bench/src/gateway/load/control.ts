import { startWorker } from '../../frame/worker.ts';
import type { Load, Order, RunResult } from './messages.ts';

/** A load generator in a process of its own. One order at a time. */
export interface LoadControl extends AsyncDisposable {
  readonly pid: number;
  open(load: Load): Promise<void>;
  run(ms: number): Promise<RunResult>;
  pace(ms: number): Promise<RunResult>;
  close(): Promise<void>;
}

export function startLoadGenerator(name: string): LoadControl {
  const title = `The load generator of ${name}`;
  const worker = startWorker<Order, RunResult | undefined>(title, new URL('main.ts', import.meta.url));
  const resultOf = async (order: Order): Promise<RunResult> => {
    const result = await worker.ask(order);
    if (result === undefined) throw new Error(`${title} has nothing open.`);
    return result;
  };
  return {
    pid: worker.pid,
    async open(load) {
      await worker.ask({ kind: 'open', load });
    },
    run: (ms) => resultOf({ kind: 'run', ms }),
    pace: (ms) => resultOf({ kind: 'pace', ms }),
    async close() {
      await worker.ask({ kind: 'close' });
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}
