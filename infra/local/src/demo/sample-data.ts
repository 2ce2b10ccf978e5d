import { createHash } from 'node:crypto';

/** Rows for one table; every row has the same columns. The tenant's id is left to the column's default. */
export interface TableRows {
  readonly table: string;
  readonly rows: readonly Readonly<Record<string, string | number | boolean | null>>[];
}

export interface SampleSize {
  clients: number;
  /** Purchases a portfolio. */
  trades: number;
}

type Instrument = readonly [
  isin: string,
  name: string,
  kind: 'equity' | 'etf' | 'bond',
  symbol: string | null,
  currency: string,
  price: number,
  risk: number,
];

const INSTRUMENTS: readonly Instrument[] = [
  ['CH0038863350', 'Nestlé', 'equity', 'NESN', 'CHF', 83.2, 4],
  ['CH0012032048', 'Roche Holding', 'equity', 'ROG', 'CHF', 262.4, 4],
  ['CH0012005267', 'Novartis', 'equity', 'NOVN', 'CHF', 98.7, 4],
  ['DE0007164600', 'SAP', 'equity', 'SAP', 'EUR', 231.5, 5],
  ['DE0007236101', 'Siemens', 'equity', 'SIE', 'EUR', 198.1, 5],
  ['US0378331005', 'Apple', 'equity', 'AAPL', 'USD', 226.8, 5],
  ['US5949181045', 'Microsoft', 'equity', 'MSFT', 'USD', 417.3, 5],
  ['IE00B4L5Y983', 'iShares Core MSCI World', 'etf', 'IWDA', 'USD', 104.6, 4],
  ['IE00BK5BQT80', 'Vanguard FTSE All-World', 'etf', 'VWRA', 'USD', 138.9, 4],
  ['US912810TM09', 'US Treasury 4 % 2042', 'bond', null, 'USD', 93.4, 2],
];
const RATES: readonly (readonly [string, string, number])[] = [
  ['EUR', 'CHF', 0.9412],
  ['USD', 'CHF', 0.8831],
  ['USD', 'EUR', 0.9383],
];
const GIVEN = ['Anna', 'Bruno', 'Clara', 'David', 'Elena', 'Felix', 'Giulia', 'Henrik', 'Ines', 'Jonas', 'Katrin', 'Luca'];
const FAMILY = [
  'Ammann',
  'Bianchi',
  'Castelli',
  'Dubois',
  'Egger',
  'Frei',
  'Gruber',
  'Hofer',
  'Iseli',
  'Jansen',
  'Keller',
  'Lang',
];
const STRATEGIES = ['Income', 'Balanced', 'Growth'];
const PROFILES = ['conservative', 'balanced', 'growth'];
const PRICED_ON = '2026-06-30';

/**
 * A small book of business, the same at every call with the same `firm`: clients with an account and a portfolio each, cash paid
 * in, orders filled, the transactions that came of them, and the holdings and cash that these add up to. In order of dependence.
 */
export function sampleData(firm: string, size: SampleSize): TableRows[] {
  const random = generator(firm);
  const pick = <T>(list: readonly T[]): T => {
    const chosen = list[Math.floor(random() * list.length)];
    if (chosen === undefined) throw new RangeError('nothing to pick from');
    return chosen;
  };
  const id = (kind: string, key: string | number) => uuidFrom(`${firm}/${kind}/${key}`);
  const tables = newTables();
  for (const [isin, name, kind, symbol, currency, price, risk] of INSTRUMENTS) {
    const bond = kind === 'bond';
    const instrument = id('instrument', isin);
    tables.instruments.push({
      id: instrument,
      kind,
      name,
      isin,
      symbol,
      currency,
      price_unit: bond ? 'percent_of_nominal' : 'per_unit',
      coupon_percent: bond ? 4 : null,
      matures_on: bond ? '2042-11-15' : null,
      risk_class: risk,
    });
    tables.prices.push({ instrument_id: instrument, price_date: PRICED_ON, source: 'sample', price, currency });
  }
  for (const [base, quote, rate] of RATES) {
    tables.fx_rates.push({ base_currency: base, quote_currency: quote, rate_date: PRICED_ON, rate, source: 'sample' });
  }
  for (let number = 1; number <= size.clients; number++) {
    const [client, account, portfolio] = [id('client', number), id('account', number), id('portfolio', number)];
    const style = Math.floor(random() * STRATEGIES.length);
    tables.clients.push({
      id: client,
      kind: 'person',
      status: 'active',
      external_reference: `C-${String(number).padStart(4, '0')}`,
      given_name: pick(GIVEN),
      family_name: pick(FAMILY),
      domicile: pick(['CH', 'DE', 'AT', 'LI']),
      risk_profile: PROFILES[style] ?? null,
      kyc_status: 'approved',
      kyc_approved_on: '2025-11-03',
      kyc_review_due_on: '2027-11-03',
      onboarded_on: '2025-11-03',
    });
    tables.accounts.push({
      id: account,
      account_number: `A-${String(number).padStart(6, '0')}`,
      name: 'Custody account',
      kind: 'custody',
      currency: 'CHF',
      opened_on: '2025-11-04',
    });
    tables.account_holders.push({ account_id: account, client_id: client, role: 'owner', valid_from: '2025-11-04' });
    tables.portfolios.push({
      id: portfolio,
      account_id: account,
      name: STRATEGIES[style] ?? 'Balanced',
      mandate: pick(['discretionary', 'advisory']),
      strategy: STRATEGIES[style] ?? null,
      base_currency: 'CHF',
      inception_date: '2025-11-05',
    });
    trade(tables, { portfolio, number, trades: size.trades, random, pick, id });
  }
  return Object.entries(tables).map(([table, rows]) => ({ table, rows }));
}

type Row = TableRows['rows'][number];
type Tables = ReturnType<typeof newTables>;

function newTables() {
  const rows = (): Row[] => [];
  return {
    clients: rows(),
    accounts: rows(),
    account_holders: rows(),
    portfolios: rows(),
    instruments: rows(),
    prices: rows(),
    fx_rates: rows(),
    orders: rows(),
    transactions: rows(),
    holdings: rows(),
    cash_balances: rows(),
  };
}

interface Trading {
  portfolio: string;
  number: number;
  trades: number;
  random: () => number;
  pick: <T>(list: readonly T[]) => T;
  id: (kind: string, key: string | number) => string;
}

/** Money paid in for every currency, then purchases out of it; positions and cash are their sums. */
function trade(tables: Tables, { portfolio, number, trades, random, pick, id }: Trading): void {
  const cash = new Map<string, number>();
  const held = new Map<string, { quantity: number; cost: number; currency: string }>();
  for (const currency of ['CHF', 'EUR', 'USD']) {
    const amount = 50_000 + Math.floor(random() * 40) * 5_000;
    cash.set(currency, amount);
    tables.transactions.push(
      ledger({
        id: id('deposit', `${number}-${currency}`),
        portfolio,
        kind: 'deposit',
        gross: amount,
        fee: 0,
        currency,
        on: '2025-11-06',
      }),
    );
  }
  for (let count = 1; count <= trades; count++) {
    const [isin, , kind, , currency, price] = pick(INSTRUMENTS);
    const quantity = kind === 'bond' ? 1_000 * (1 + Math.floor(random() * 5)) : 5 + Math.floor(random() * 20);
    const gross = round((quantity * price) / (kind === 'bond' ? 100 : 1));
    const fee = round(10 + gross * 0.001);
    const [instrument, order] = [id('instrument', isin), id('order', `${number}-${count}`)];
    const on = `2026-0${1 + (count % 6)}-1${count % 9}`;
    tables.orders.push({
      id: order,
      portfolio_id: portfolio,
      instrument_id: instrument,
      client_order_id: `O-${number}-${count}`,
      side: 'buy',
      quantity,
      filled_quantity: quantity,
      average_fill_price: price,
      currency,
      status: 'filled',
      placed_at: `${on}T09:00:00Z`,
      completed_at: `${on}T09:00:02Z`,
    });
    tables.transactions.push(
      ledger({
        id: id('buy', `${number}-${count}`),
        portfolio,
        kind: 'buy',
        gross: -gross,
        fee,
        currency,
        on,
        instrument,
        order,
        quantity,
        price,
      }),
    );
    cash.set(currency, (cash.get(currency) ?? 0) - gross - fee);
    const before = held.get(instrument);
    held.set(instrument, {
      quantity: (before?.quantity ?? 0) + quantity,
      cost: round((before?.cost ?? 0) + gross + fee),
      currency,
    });
  }
  for (const [instrument, { quantity, cost, currency }] of held) {
    tables.holdings.push({
      portfolio_id: portfolio,
      instrument_id: instrument,
      quantity,
      cost_amount: cost,
      cost_currency: currency,
      as_of: PRICED_ON,
    });
  }
  for (const [currency, amount] of cash)
    tables.cash_balances.push({ portfolio_id: portfolio, currency, amount: round(amount), as_of: PRICED_ON });
}

interface Booking {
  id: string;
  portfolio: string;
  kind: 'deposit' | 'buy';
  gross: number;
  fee: number;
  currency: string;
  on: string;
  instrument?: string;
  order?: string;
  quantity?: number;
  price?: number;
}

function ledger(booking: Booking): Row {
  return {
    id: booking.id,
    portfolio_id: booking.portfolio,
    instrument_id: booking.instrument ?? null,
    order_id: booking.order ?? null,
    kind: booking.kind,
    status: 'settled',
    quantity: booking.quantity ?? null,
    price: booking.price ?? null,
    gross_amount: booking.gross,
    fee_amount: booking.fee,
    currency: booking.currency,
    trade_date: booking.on,
    settlement_date: booking.on,
  };
}

function round(amount: number): number {
  return Math.round(amount * 100) / 100;
}

/** Numbers in [0, 1) that depend only on the seed (mulberry32). */
function generator(seed: string): () => number {
  let state = createHash('sha256').update(seed).digest().readUInt32LE(0);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A UUID of version 8 (RFC 9562: content of one's own choice) that depends only on the text. */
function uuidFrom(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
