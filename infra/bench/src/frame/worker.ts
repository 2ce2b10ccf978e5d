import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A process of the bench's own that carries out one order after the other. */
export interface Worker<Order, Result> extends AsyncDisposable {
  readonly pid: number;
  /** Rejects with what the worker said, and when it ended instead. */
  ask(order: Order): Promise<Result>;
}

type Answer<Result> = { ok: true; result: Result } | { ok: false; reason: string };

/** `script` calls `answerOrders` with the same types. */
export function startWorker<Order extends object, Result>(
  name: string,
  script: URL,
  args: readonly string[] = [],
): Worker<Order, Result> {
  const child = fork(fileURLToPath(script), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const exited = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
  return {
    pid: child.pid ?? 0,
    async ask(order) {
      const answer = await new Promise<Answer<Result>>((resolve, reject) => {
        const onExit = (code: number | null): void => reject(new Error(`${name} ended (${code ?? 'by a signal'}).`));
        child.once('exit', onExit);
        child.once('message', (message: Answer<Result>) => {
          child.off('exit', onExit);
          resolve(message);
        });
        child.send(order);
      });
      if (!answer.ok) throw new Error(`${name}: ${answer.reason}`);
      return answer.result;
    },
    async [Symbol.asyncDispose]() {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}

/** The worker's side; the process ends when the bench goes. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- whoever starts the worker names the same two types
export function answerOrders<Order, Result>(carryOut: (order: Order) => Promise<Result>): void {
  const reply = (answer: Answer<Result>): void => void process.send?.(answer);
  process.on('message', (order: Order) => {
    carryOut(order).then(
      (result) => reply({ ok: true, result }),
      (error: unknown) => reply({ ok: false, reason: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit(0));
}
