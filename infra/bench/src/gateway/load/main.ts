import { answerOrders } from '../../frame/worker.ts';
import { createGenerator, type Generator } from './generator.ts';
import type { Order, RunResult } from './messages.ts';

/** The load generator's own process. */
let generator: Generator | undefined;

answerOrders<Order, RunResult | undefined>(async (order) => {
  if (order.kind === 'run') return generator?.run(order.ms);
  if (order.kind === 'pace') return generator?.pace(order.ms);
  generator?.close();
  generator = undefined;
  if (order.kind === 'open') generator = await createGenerator(order.load);
  return undefined;
});
