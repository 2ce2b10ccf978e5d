import type { HttpServer } from '@ultracore/service';
import { z } from 'zod';
import { notFound } from '../http/problems.ts';

const portfolio = z.object({
  portfolio_id: z.uuid(),
  name: z.string(),
  base_currency: z.string(),
  total_value: z.string().describe('Exact, in the base currency'),
  unvalued_positions: z.int().describe('Without price or rate, so not in the total'),
});

const position = z.object({
  instrument_id: z.uuid(),
  isin: z.string().nullable(),
  instrument: z.string(),
  quantity: z.string(),
  price: z.string().nullable(),
  price_currency: z.string().nullable(),
  price_date: z.iso.date().nullable(),
  market_value: z.string().nullable().describe('In the price’s currency'),
});

const VALUATIONS = `select portfolio_id, portfolio_name as name, base_currency, total_value::numeric(20, 2)::text as total_value,
                           unvalued_positions::int as unvalued_positions
                      from portfolio_valuations`;

/** What a portfolio team would write: what a firm manages, and what it is worth. */
export const addPortfolioRoutes = (server: HttpServer): void => {
  server.get(
    '/v1/portfolios',
    { schema: { response: { 200: z.object({ portfolios: z.array(portfolio) }) } } },
    async ({ database }) => ({
      portfolios: await database.query(portfolio, { sql: `${VALUATIONS} order by portfolio_name, portfolio_id` }),
    }),
  );

  server.get(
    '/v1/portfolios/:portfolio_id',
    {
      schema: {
        params: z.strictObject({ portfolio_id: z.uuid() }),
        response: { 200: portfolio.extend({ positions: z.array(position) }) },
      },
    },
    async ({ database, params }) => {
      // Two questions that need not wait for each other.
      const [[found], positions] = await Promise.all([
        database.query(portfolio, { sql: `${VALUATIONS} where portfolio_id = $1`, params: [params.portfolio_id] }),
        database.query(position, {
          sql: `select instrument_id, isin, instrument_name as instrument, quantity::text, price::text, price_currency,
                       price_date::text, market_value::numeric(20, 2)::text as market_value
                  from portfolio_positions where portfolio_id = $1 order by isin, instrument_id`,
          params: [params.portfolio_id],
        }),
      ]);
      if (found === undefined) throw notFound('portfolio');
      return { ...found, positions };
    },
  );
};
