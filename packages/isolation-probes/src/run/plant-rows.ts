import { randomBytes, randomUUID } from 'node:crypto';

/** Statement and its parameters. */
export type Planting = readonly [sql: string, ...params: string[]];

/** How many rows have the marker: so many of the same that statistics name it among the most common values. */
export const COPIES = 40;

export interface Rows {
  /** Texts and ids that no row but these holds. */
  readonly markers: readonly string[];
  /** A row that an attacker is taken to know: its id and its reference are no markers. */
  readonly client: string;
  readonly reference: string;
  readonly insert: readonly Planting[];
  /** In the order in which foreign keys allow it. */
  readonly remove: readonly Planting[];
}

export const newMarker = (what: string): string => `marker-${what}-${randomBytes(9).toString('hex')}`;

/** Hexadecimal digits as letters. */
const letters = (digits: string): string =>
  digits.replaceAll(/./g, (digit) => String.fromCodePoint(65 + Number.parseInt(digit, 16)));

/** One row or more for every table of the default schema, each with a marker in it. */
export function newRows(): Rows {
  const run = randomBytes(6).toString('hex');
  const [client, partner, account] = [randomUUID(), randomUUID(), randomUUID()];
  const [portfolio, instrument, case_] = [randomUUID(), randomUUID(), randomUUID()];
  const [name, note, report, source] = [newMarker('name'), newMarker('note'), newMarker('report'), newMarker('source')];
  const reference = `ref-${run}`;
  return {
    markers: [name, note, report, source, partner, account, portfolio, instrument, case_],
    client,
    reference,
    insert: [
      [
        `insert into clients (id, kind, family_name, external_reference, kyc_review_due_on) values ($1, 'person', $2, $3, current_date)`,
        client,
        name,
        reference,
      ],
      [`insert into clients (id, kind, family_name) values ($1, 'person', $2)`, partner, name],
      [
        `insert into clients (kind, family_name, given_name, email, relationship_manager)
         select 'person', $1, $1, $1 || '@example.com', $1 from generate_series(1, ${COPIES})`,
        name,
      ],
      [`insert into client_relationships (client_id, related_client_id, kind) values ($1, $2, 'spouse')`, client, partner],
      [
        `insert into accounts (id, account_number, name, kind, currency) values ($1, $2, $3, 'custody', 'CHF')`,
        account,
        `ACC-${run.toUpperCase()}`,
        name,
      ],
      ['insert into account_holders (account_id, client_id) values ($1, $2)', account, client],
      [
        `insert into portfolios (id, account_id, name, mandate, base_currency, strategy) values ($1, $2, $3, 'advisory', 'CHF', $3)`,
        portfolio,
        account,
        name,
      ],
      [`insert into instruments (id, kind, name, currency) values ($1, 'equity', $2, 'CHF')`, instrument, name],
      [
        `insert into prices (instrument_id, price_date, source, price, currency) values ($1, current_date, $2, 7, 'CHF')`,
        instrument,
        source,
      ],
      [
        `insert into fx_rates (base_currency, quote_currency, rate_date, rate, source) values ($1, $2, current_date, 7, $3)`,
        // The only key that is not of our making is one that two runs must not share.
        `Q${letters(run.slice(0, 2))}`,
        `X${letters(run.slice(2, 4))}`,
        source,
      ],
      ['insert into holdings (portfolio_id, instrument_id, quantity) values ($1, $2, 7)', portfolio, instrument],
      [`insert into cash_balances (portfolio_id, currency, amount) values ($1, 'CHF', 7)`, portfolio],
      [
        `insert into orders (portfolio_id, instrument_id, side, quantity, currency, requested_by) values ($1, $2, 'buy', 7, 'CHF', $3)`,
        portfolio,
        instrument,
        name,
      ],
      [
        `insert into transactions (portfolio_id, kind, gross_amount, currency, trade_date, booking_text)
         values ($1, 'deposit', 7, 'CHF', current_date, $2)`,
        portfolio,
        note,
      ],
      [
        `insert into compliance_cases (id, case_number, kind, client_id, title) values ($1, $2, 'kyc_review', $3, $4)`,
        case_,
        `CASE-${run}`,
        client,
        note,
      ],
      ['insert into compliance_case_notes (case_id, author, note) values ($1, $2, $2)', case_, note],
      [
        `insert into reports (kind, client_id, period_start, period_end, parameters)
         values ('tax', $1, current_date, current_date, jsonb_build_object('secret', $2::text))`,
        client,
        report,
      ],
    ],
    remove: [
      ['delete from compliance_case_notes where case_id = $1', case_],
      ['delete from compliance_cases where id = $1', case_],
      ['delete from reports where client_id = $1', client],
      ...['transactions', 'orders', 'cash_balances', 'holdings'].map((table): Planting => [
        `delete from ${table} where portfolio_id = $1`,
        portfolio,
      ]),
      ['delete from portfolios where id = $1', portfolio],
      ['delete from prices where instrument_id = $1', instrument],
      ['delete from instruments where id = $1', instrument],
      ['delete from fx_rates where source = $1', source],
      ['delete from account_holders where account_id = $1', account],
      ['delete from accounts where id = $1', account],
      ['delete from client_relationships where client_id = $1', client],
      ['delete from clients where family_name = $1', name],
    ],
  };
}
