-- Accounts that clients hold, and the portfolios that are managed in them.

create table accounts (
  tenant_id text not null default ultracore.current_tenant_id(),
  id uuid not null default gen_random_uuid(),
  account_number text not null check (account_number ~ '^[A-Z0-9][A-Z0-9.-]{2,33}$'),
  name text not null check (name <> ''),
  kind text not null check (kind in ('custody', 'cash', 'margin', 'pension')),
  status text not null default 'open' check (status in ('pending', 'open', 'blocked', 'closed')),
  currency currency_code not null,
  custodian text,
  opened_on date not null default current_date,
  closed_on date check (closed_on >= opened_on),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, account_number),
  check ((status = 'closed') = (closed_on is not null))
);
comment on table accounts is 'Custody, cash, margin and pension accounts.';
comment on column accounts.account_number is 'As the client knows it; an IBAN without spaces fits.';
comment on column accounts.currency is 'Reference currency of the account; positions may be in others.';
comment on column accounts.custodian is 'Who keeps the assets, where it is not the firm itself.';
create index accounts_by_status on accounts (tenant_id, status);

create table account_holders (
  tenant_id text not null default ultracore.current_tenant_id(),
  account_id uuid not null,
  client_id uuid not null,
  role text not null default 'owner' check (role in ('owner', 'joint_owner', 'beneficiary', 'authorised_signatory')),
  valid_from date not null default current_date,
  valid_to date check (valid_to > valid_from),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, account_id, client_id, role),
  foreign key (tenant_id, account_id) references accounts (tenant_id, id) on delete cascade,
  foreign key (tenant_id, client_id) references clients (tenant_id, id)
);
comment on table account_holders is 'Which clients an account belongs to, and in which role.';
create index account_holders_by_client on account_holders (tenant_id, client_id);

create table portfolios (
  tenant_id text not null default ultracore.current_tenant_id(),
  id uuid not null default gen_random_uuid(),
  account_id uuid not null,
  name text not null check (name <> ''),
  mandate text not null check (mandate in ('discretionary', 'advisory', 'execution_only')),
  strategy text,
  base_currency currency_code not null,
  status text not null default 'active' check (status in ('draft', 'active', 'frozen', 'closed')),
  inception_date date not null default current_date,
  closed_on date check (closed_on >= inception_date),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, account_id, name),
  foreign key (tenant_id, account_id) references accounts (tenant_id, id),
  check ((status = 'closed') = (closed_on is not null))
);
comment on table portfolios is 'Assets of an account that are managed and measured together.';
comment on column portfolios.mandate is 'Who decides: the firm (discretionary), the client with advice, or the client alone.';
comment on column portfolios.strategy is 'Model or strategy the portfolio follows, in the firm''s own words.';
comment on column portfolios.base_currency is 'Currency the portfolio is valued and reported in.';
create index portfolios_by_status on portfolios (tenant_id, status, mandate);

create trigger touch before update on accounts for each row execute function touch_updated_at();
create trigger touch before update on account_holders for each row execute function touch_updated_at();
create trigger touch before update on portfolios for each row execute function touch_updated_at();
