import { ProblemError, type HttpServer } from '@ultracore/service';
import { z } from 'zod';
import { notFound } from '../http/problems.ts';
import { ORDER_MADE, ORDER_NOW, placeOrder } from './orders.ts';

const order = z.object({
  order_id: z.uuid(),
  client_order_id: z.string(),
  isin: z.string(),
  side: z.enum(['buy', 'sell']),
  quantity: z.string(),
  currency: z.string(),
  status: z.string(),
});
const found = order.extend({ is_same: z.boolean() });

const newOrder = z.strictObject({
  client_order_id: z.string().min(1).max(60),
  isin: z.string().regex(/^[A-Z]{2}[A-Z0-9]{9}[0-9]$/),
  side: z.enum(['buy', 'sell']),
  quantity: z.string().regex(/^(?!0+(\.0+)?$)\d{1,18}(\.\d{1,8})?$/, 'must be a decimal above 0'),
});

/** What a trading team would write: orders, each placed once however often it is sent. */
export const addOrderRoutes = (server: HttpServer): void => {
  server.post(
    '/v1/portfolios/:portfolio_id/orders',
    { schema: { params: z.strictObject({ portfolio_id: z.uuid() }), body: newOrder, response: { 200: order, 201: order } } },
    async ({ body, database, params, principal }, reply) => {
      const results = await database.transaction(
        placeOrder({
          portfolioId: params.portfolio_id,
          clientOrderId: body.client_order_id,
          isin: body.isin,
          side: body.side,
          quantity: body.quantity,
          requestedBy: principal.subject,
        }),
      );
      const [now] = z.array(found).parse(results[ORDER_NOW]);
      if (now === undefined) throw notFound('active portfolio or instrument');
      if (!now.is_same) {
        throw new ProblemError({
          status: 409,
          code: 'order_exists',
          detail: 'An order with this client_order_id and another content has been placed.',
          field: 'client_order_id',
        });
      }
      const isNew = (results[ORDER_MADE]?.length ?? 0) > 0;
      return reply.status(isNew ? 201 : 200).send(now);
    },
  );
};
