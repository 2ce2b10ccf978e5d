-- What can be held and traded, and what it was worth.

create table instruments (
  tenant_id text not null default ultracore.current_tenant_id(),
  id uuid not null default gen_random_uuid(),
  kind text not null check (kind in
    ('equity', 'bond', 'fund', 'etf', 'structured_product', 'derivative', 'commodity', 'private_equity', 'other')),
  name text not null check (name <> ''),
  isin isin_code,
  symbol text check (symbol <> ''),
  exchange_mic text check (exchange_mic ~ '^[A-Z0-9]{4}$'),
  currency currency_code not null,
  price_unit text not null default 'per_unit' check (price_unit in ('per_unit', 'percent_of_nominal')),
  issuer text,
  issuer_lei lei_code,
  issue_country country_code,
  coupon_percent numeric(9, 6) check (coupon_percent >= 0),
  matures_on date,
  risk_class smallint check (risk_class between 1 and 7),
  status text not null default 'active' check (status in ('active', 'suspended', 'matured', 'delisted')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, isin),
  check (coupon_percent is null or kind in ('bond', 'structured_product'))
);
comment on table instruments is 'Master data of everything the firm''s clients hold.';
comment on column instruments.exchange_mic is 'Main listing: ISO 10383 market identifier code.';
comment on column instruments.price_unit is 'Prices are per unit, or in percent of nominal (most bonds): value = quantity × price ÷ 100.';
comment on column instruments.risk_class is 'PRIIPs summary risk indicator, 1 (low) to 7 (high).';
create index instruments_by_symbol on instruments (tenant_id, symbol, exchange_mic);
create index instruments_by_kind on instruments (tenant_id, kind, status);
create index instruments_by_maturity on instruments (tenant_id, matures_on) where matures_on is not null;

create table prices (
  tenant_id text not null default ultracore.current_tenant_id(),
  instrument_id uuid not null,
  price_date date not null,
  source text not null default 'manual' check (source <> ''),
  price security_price not null check (price >= 0),
  currency currency_code not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, instrument_id, price_date, source),
  foreign key (tenant_id, instrument_id) references instruments (tenant_id, id) on delete cascade
);
comment on table prices is 'End-of-day prices; in a valuation the newest counts, whichever its source.';

create table fx_rates (
  tenant_id text not null default ultracore.current_tenant_id(),
  base_currency currency_code not null,
  quote_currency currency_code not null,
  rate_date date not null,
  rate numeric(24, 12) not null check (rate > 0),
  source text not null default 'manual' check (source <> ''),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, base_currency, quote_currency, rate_date),
  check (base_currency <> quote_currency)
);
comment on table fx_rates is 'One unit of base_currency costs rate units of quote_currency. The inverse need not be stored.';

create trigger touch before update on instruments for each row execute function touch_updated_at();
create trigger touch before update on prices for each row execute function touch_updated_at();
create trigger touch before update on fx_rates for each row execute function touch_updated_at();
