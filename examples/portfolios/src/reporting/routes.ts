import { Readable } from 'node:stream';
import type { HttpServer } from '@ultracore/service';
import { z } from 'zod';
import { csvOf } from './csv.ts';

const line = z.object({
  portfolio: z.string(),
  isin: z.string().nullable(),
  instrument: z.string(),
  quantity: z.string(),
  value: z.string().nullable(),
  currency: z.string(),
});

const COLUMNS = line.keyof().options;

const HOLDINGS = `select portfolio_name as portfolio, isin, instrument_name as instrument, quantity::text,
                         market_value_base::numeric(20, 2)::text as value, base_currency as currency
                    from portfolio_positions order by portfolio_name, portfolio_id, isin, instrument_name`;

/** What a reporting team would write: everything a firm holds, however much that is; never more of it in memory than the caller takes. */
export const addReportRoutes = (server: HttpServer): void => {
  server.get('/v1/reports/holdings.csv', async ({ database }, reply) =>
    reply.type('text/csv; charset=utf-8').send(Readable.from(csvOf(COLUMNS, database.stream(line, { sql: HOLDINGS })))),
  );
};
