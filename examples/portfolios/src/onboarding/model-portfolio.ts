import type { Statement } from '../database/tenant-database.ts';

const MODEL_ACCOUNT = 'MODEL-BALANCED';

/** What an adviser begins with: three funds, with 100 units standing for 100 %. Prices are those of the day the model was drawn up. */
const MODEL = [
  { isin: 'IE00B4L5Y983', name: 'iShares Core MSCI World', currency: 'USD', risk: 4, price: 104.6, units: 50 },
  { isin: 'IE00BK5BQT80', name: 'Vanguard FTSE All-World', currency: 'USD', risk: 4, price: 138.9, units: 30 },
  { isin: 'CH0038863350', name: 'Nestlé', currency: 'CHF', risk: 4, price: 83.2, units: 20 },
] as const;
const DRAWN_UP_ON = '2026-01-02';

/** The same in each statement, and as text: a parameter that both ways to the database write alike. */
const model = JSON.stringify(MODEL);

/**
 * Gives a tenant its model portfolio, in one transaction. Each statement adds only what is missing, found by its natural key: run again after a
 * crash, a redelivery or a replay it changes nothing, and what the tenant's people made of it meanwhile stays. Nothing names a tenant: the login is it.
 */
export const modelPortfolio: readonly Statement[] = [
  {
    sql: `insert into accounts (account_number, name, kind, currency, opened_on)
          values ($1, 'Model portfolios', 'custody', 'CHF', $2::date)
          on conflict do nothing`,
    params: [MODEL_ACCOUNT, DRAWN_UP_ON],
  },
  {
    sql: `insert into instruments (kind, name, isin, currency, risk_class)
          select case when isin like 'CH%' then 'equity' else 'etf' end, name, isin, currency, risk
            from jsonb_to_recordset($1::jsonb) as model (isin text, name text, currency text, risk smallint)
          on conflict do nothing`,
    params: [model],
  },
  {
    sql: `insert into prices (instrument_id, price_date, source, price, currency)
          select i.id, $2::date, 'model', model.price, model.currency
            from jsonb_to_recordset($1::jsonb) as model (isin text, price numeric, currency text)
            join instruments i on i.isin = model.isin
          on conflict do nothing`,
    params: [model, DRAWN_UP_ON],
  },
  {
    sql: `insert into portfolios (account_id, name, mandate, strategy, base_currency, inception_date)
          select id, 'Model: Balanced', 'discretionary', 'Balanced', 'CHF', $2::date from accounts where account_number = $1
          on conflict do nothing
          returning id`,
    params: [MODEL_ACCOUNT, DRAWN_UP_ON],
  },
  {
    sql: `insert into holdings (portfolio_id, instrument_id, quantity, as_of)
          select p.id, i.id, model.units, $3::date
            from jsonb_to_recordset($2::jsonb) as model (isin text, units numeric)
            join instruments i on i.isin = model.isin
            join accounts a on a.account_number = $1
            join portfolios p on p.account_id = a.id and p.name = 'Model: Balanced'
          on conflict do nothing`,
    params: [MODEL_ACCOUNT, model, DRAWN_UP_ON],
  },
];

/** The one that has a row when the portfolio was made, and none when it was there. */
export const PORTFOLIO_MADE = 3;
