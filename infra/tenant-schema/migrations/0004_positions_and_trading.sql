-- What portfolios hold, what is to be bought and sold for them, and what was booked.

create table holdings (
  tenant_id text not null default ultracore.current_tenant_id(),
  portfolio_id uuid not null,
  instrument_id uuid not null,
  quantity security_quantity not null,
  cost_amount money_amount,
  cost_currency currency_code,
  as_of date not null default current_date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, portfolio_id, instrument_id),
  foreign key (tenant_id, portfolio_id) references portfolios (tenant_id, id),
  foreign key (tenant_id, instrument_id) references instruments (tenant_id, id),
  check ((cost_amount is null) = (cost_currency is null))
);
comment on table holdings is 'Current position of a portfolio in one instrument; the history is in transactions.';
comment on column holdings.quantity is 'Negative for a short position.';
comment on column holdings.cost_amount is 'What the whole position cost, fees included.';
create index holdings_by_instrument on holdings (tenant_id, instrument_id);

create table cash_balances (
  tenant_id text not null default ultracore.current_tenant_id(),
  portfolio_id uuid not null,
  currency currency_code not null,
  amount money_amount not null default 0,
  reserved_amount money_amount not null default 0 check (reserved_amount >= 0),
  as_of date not null default current_date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, portfolio_id, currency),
  foreign key (tenant_id, portfolio_id) references portfolios (tenant_id, id)
);
comment on table cash_balances is 'Cash of a portfolio, one row a currency.';
comment on column cash_balances.reserved_amount is 'Set aside for orders that are placed and not settled.';

create table orders (
  tenant_id text not null default ultracore.current_tenant_id(),
  id uuid not null default gen_random_uuid(),
  portfolio_id uuid not null,
  instrument_id uuid not null,
  client_order_id text check (client_order_id <> ''),
  side text not null check (side in ('buy', 'sell')),
  order_type text not null default 'market' check (order_type in ('market', 'limit', 'stop', 'stop_limit')),
  time_in_force text not null default 'day' check (time_in_force in ('day', 'good_till_cancelled', 'good_till_date', 'fill_or_kill')),
  good_till date,
  quantity security_quantity not null check (quantity > 0),
  filled_quantity security_quantity not null default 0 check (filled_quantity >= 0),
  limit_price security_price check (limit_price > 0),
  stop_price security_price check (stop_price > 0),
  average_fill_price security_price check (average_fill_price >= 0),
  currency currency_code not null,
  status text not null default 'draft' check (status in
    ('draft', 'pending_approval', 'placed', 'partially_filled', 'filled', 'cancelled', 'rejected', 'expired')),
  reason text,
  requested_by text not null default session_user,
  approved_by text,
  placed_at timestamptz,
  completed_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, client_order_id),
  foreign key (tenant_id, portfolio_id) references portfolios (tenant_id, id),
  foreign key (tenant_id, instrument_id) references instruments (tenant_id, id),
  check (filled_quantity <= quantity),
  check ((limit_price is not null) = (order_type in ('limit', 'stop_limit'))),
  check ((stop_price is not null) = (order_type in ('stop', 'stop_limit'))),
  check ((good_till is not null) = (time_in_force = 'good_till_date')),
  check (status in ('draft', 'pending_approval', 'rejected', 'cancelled') or placed_at is not null),
  check ((completed_at is not null) = (status in ('filled', 'cancelled', 'rejected', 'expired'))),
  check (status <> 'filled' or filled_quantity = quantity),
  check (completed_at >= placed_at),
  check (approved_by is distinct from requested_by)
);
comment on table orders is 'Instructions to trade, from draft to filled, cancelled, rejected or expired.';
comment on column orders.client_order_id is 'Key of the system that placed the order: the same order cannot be placed twice.';
comment on column orders.reason is 'Why the order was cancelled or rejected.';
comment on column orders.approved_by is 'The second pair of eyes; never the one who asked.';
create index orders_by_portfolio on orders (tenant_id, portfolio_id, created_at);
create index orders_by_instrument on orders (tenant_id, instrument_id, created_at);
create index orders_open on orders (tenant_id, status, placed_at)
  where status in ('draft', 'pending_approval', 'placed', 'partially_filled');

create table transactions (
  tenant_id text not null default ultracore.current_tenant_id(),
  id uuid not null default gen_random_uuid(),
  portfolio_id uuid not null,
  instrument_id uuid,
  order_id uuid,
  reverses_transaction_id uuid,
  external_reference text check (external_reference <> ''),
  kind text not null check (kind in ('buy', 'sell', 'transfer_in', 'transfer_out', 'dividend', 'coupon', 'redemption', 'interest',
    'fee', 'tax', 'deposit', 'withdrawal', 'fx', 'corporate_action')),
  status text not null default 'booked' check (status in ('pending', 'booked', 'settled', 'reversed')),
  quantity security_quantity,
  price security_price check (price >= 0),
  gross_amount money_amount not null,
  fee_amount money_amount not null default 0,
  tax_amount money_amount not null default 0,
  net_amount money_amount not null generated always as (gross_amount - fee_amount - tax_amount) stored,
  currency currency_code not null,
  trade_date date not null,
  settlement_date date check (settlement_date >= trade_date),
  booking_text text,
  booked_at timestamptz not null default now(),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, external_reference),
  unique (tenant_id, reverses_transaction_id),
  foreign key (tenant_id, portfolio_id) references portfolios (tenant_id, id),
  foreign key (tenant_id, instrument_id) references instruments (tenant_id, id),
  foreign key (tenant_id, order_id) references orders (tenant_id, id),
  foreign key (tenant_id, reverses_transaction_id) references transactions (tenant_id, id),
  check (kind not in ('buy', 'sell', 'dividend', 'coupon', 'redemption') or instrument_id is not null),
  check (kind not in ('buy', 'sell') or quantity is not null and price is not null)
);
comment on table transactions is 'The ledger: what moved, when, and for how much. A mistake is reversed by another transaction, not changed.';
comment on column transactions.quantity is 'Change of the position: negative when units leave.';
comment on column transactions.gross_amount is 'Change of cash before fees and taxes: negative when money leaves, as for a buy.';
comment on column transactions.net_amount is 'gross_amount − fee_amount − tax_amount: the change of cash.';
comment on column transactions.reverses_transaction_id is 'The transaction this one takes back; one can be taken back once.';
create index transactions_by_portfolio on transactions (tenant_id, portfolio_id, trade_date, id);
create index transactions_by_instrument on transactions (tenant_id, instrument_id, trade_date) where instrument_id is not null;
create index transactions_by_order on transactions (tenant_id, order_id) where order_id is not null;
create index transactions_by_trade_date on transactions (tenant_id, trade_date);

create trigger touch before update on holdings for each row execute function touch_updated_at();
create trigger touch before update on cash_balances for each row execute function touch_updated_at();
create trigger touch before update on orders for each row execute function touch_updated_at();
create trigger touch before update on transactions for each row execute function touch_updated_at();
