import { createGenerator, type Generator } from './generator.ts';
import type { Order, Reply, RunResult } from './messages.ts';

/** The load generator's own process: takes orders from the bench, one after the other. */
let generator: Generator | undefined;

async function carryOut(order: Order): Promise<RunResult | undefined> {
  if (order.kind === 'run') return generator?.run(order.ms);
  if (order.kind === 'pace') return generator?.pace(order.ms);
  generator?.close();
  generator = undefined;
  if (order.kind === 'open') generator = await createGenerator(order.load);
  return undefined;
}

const reply = (message: Reply): void => void process.send?.(message);

process.on('message', (order: Order) => {
  carryOut(order).then(
    (result) => reply(result === undefined ? { kind: 'done' } : { kind: 'done', result }),
    (error: unknown) => reply({ kind: 'failed', reason: error instanceof Error ? error.message : String(error) }),
  );
});
process.once('disconnect', () => process.exit(0));
