-- What must be looked into, by whom, and what came of it.

create table compliance_cases (
  tenant_id text not null default ultracore.current_tenant_id(),
  id uuid not null default gen_random_uuid(),
  case_number text not null check (case_number <> ''),
  kind text not null check (kind in ('kyc_review', 'aml_alert', 'sanctions_hit', 'suitability', 'trade_surveillance', 'mandate_breach',
    'complaint', 'data_protection')),
  severity text not null default 'medium' check (severity in ('low', 'medium', 'high', 'critical')),
  status text not null default 'open' check (status in ('open', 'in_review', 'escalated', 'closed')),
  client_id uuid,
  portfolio_id uuid,
  order_id uuid,
  transaction_id uuid,
  title text not null check (title <> ''),
  description text,
  assigned_to text,
  opened_at timestamptz not null default now(),
  due_at timestamptz,
  closed_at timestamptz check (closed_at >= opened_at),
  outcome text check (outcome in ('no_issue', 'remediated', 'reported', 'relationship_ended')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, case_number),
  foreign key (tenant_id, client_id) references clients (tenant_id, id),
  foreign key (tenant_id, portfolio_id) references portfolios (tenant_id, id),
  foreign key (tenant_id, order_id) references orders (tenant_id, id),
  foreign key (tenant_id, transaction_id) references transactions (tenant_id, id),
  check (num_nonnulls(client_id, portfolio_id, order_id, transaction_id) > 0),
  check ((status = 'closed') = (closed_at is not null)),
  check ((status = 'closed') = (outcome is not null))
);
comment on table compliance_cases is 'Reviews, alerts and complaints, each about a client, a portfolio, an order or a transaction.';
comment on column compliance_cases.outcome is 'What came of it; reported means to an authority.';
create index compliance_cases_open on compliance_cases (tenant_id, severity, due_at) where status <> 'closed';
create index compliance_cases_by_client on compliance_cases (tenant_id, client_id) where client_id is not null;
create index compliance_cases_by_portfolio on compliance_cases (tenant_id, portfolio_id) where portfolio_id is not null;
create index compliance_cases_by_order on compliance_cases (tenant_id, order_id) where order_id is not null;
create index compliance_cases_by_transaction on compliance_cases (tenant_id, transaction_id) where transaction_id is not null;

create table compliance_case_notes (
  tenant_id text not null default ultracore.current_tenant_id(),
  id uuid not null default gen_random_uuid(),
  case_id uuid not null,
  author text not null check (author <> ''),
  note text not null check (note <> ''),
  created_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, case_id) references compliance_cases (tenant_id, id)
);
comment on table compliance_case_notes is 'What was found and done about a case, in order. Notes are added, not changed.';
create index compliance_case_notes_by_case on compliance_case_notes (tenant_id, case_id, created_at);

create trigger touch before update on compliance_cases for each row execute function touch_updated_at();
