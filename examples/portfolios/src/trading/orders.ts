import type { Statement } from '../database/tenant-database.ts';

export interface NewOrder {
  readonly portfolioId: string;
  /** The caller's own number: the same order cannot be placed twice. */
  readonly clientOrderId: string;
  readonly isin: string;
  readonly side: 'buy' | 'sell';
  /** Decimal. */
  readonly quantity: string;
  readonly requestedBy: string;
}

/** From this value on, in the instrument's currency, compliance looks at an order. */
const LARGE_ORDER = '250000';

/** Which of the statements has a row when the order is new, and which has the order as it is now. */
export const ORDER_MADE = 0;
export const ORDER_NOW = 2;

/**
 * Places an order and, when it is large, opens a case for compliance: both or neither, and neither a second time. Without such a
 * portfolio or instrument nothing happens, and the last statement has no row.
 */
export const placeOrder = (order: NewOrder): readonly Statement[] => [
  {
    sql: `insert into orders (portfolio_id, instrument_id, client_order_id, side, quantity, currency, status, placed_at, requested_by)
          select p.id, i.id, $3, $4, $5::numeric, i.currency, 'placed', now(), $6
            from portfolios p join instruments i on i.isin = $2 and i.status = 'active'
           where p.id = $1::uuid and p.status = 'active'
          on conflict (tenant_id, client_order_id) do nothing
          returning id`,
    params: [order.portfolioId, order.isin, order.clientOrderId, order.side, order.quantity, order.requestedBy],
  },
  {
    sql: `insert into compliance_cases (case_number, kind, severity, order_id, title)
          select 'ORDER-' || o.client_order_id, 'trade_surveillance', 'medium', o.id, 'Large order in ' || i.name
            from orders o
            join instruments i on i.id = o.instrument_id
            join latest_prices l on l.instrument_id = o.instrument_id
           where o.client_order_id = $1
             and o.quantity * l.price / case i.price_unit when 'percent_of_nominal' then 100 else 1 end >= $2::numeric
          on conflict (tenant_id, case_number) do nothing`,
    params: [order.clientOrderId, LARGE_ORDER],
  },
  {
    sql: `select o.id as order_id, o.client_order_id, i.isin, o.side, o.quantity::text, o.currency, o.status,
                 (o.portfolio_id = $2::uuid and i.isin = $3 and o.side = $4 and o.quantity = $5::numeric) as is_same
            from orders o join instruments i on i.id = o.instrument_id
           where o.client_order_id = $1`,
    params: [order.clientOrderId, order.portfolioId, order.isin, order.side, order.quantity],
  },
];
