-- Documents made for clients, managers and authorities. The document itself lies in an object store.

create table reports (
  tenant_id text not null default ultracore.current_tenant_id(),
  id uuid not null default gen_random_uuid(),
  kind text not null check (kind in ('portfolio_statement', 'performance', 'tax', 'fees', 'transaction_list', 'suitability', 'regulatory')),
  client_id uuid,
  portfolio_id uuid,
  period_start date not null,
  period_end date not null,
  status text not null default 'requested' check (status in ('requested', 'generating', 'ready', 'delivered', 'failed')),
  format text not null default 'pdf' check (format in ('pdf', 'csv', 'xlsx', 'json', 'xml')),
  parameters jsonb not null default '{}' check (jsonb_typeof(parameters) = 'object'),
  storage_uri text check (storage_uri ~ '^[a-z][a-z0-9+.-]*://'),
  content_sha256 text check (content_sha256 ~ '^[0-9a-f]{64}$'),
  failure text,
  requested_by text not null default session_user,
  requested_at timestamptz not null default now(),
  generated_at timestamptz check (generated_at >= requested_at),
  delivered_at timestamptz check (delivered_at >= generated_at),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  foreign key (tenant_id, client_id) references clients (tenant_id, id),
  foreign key (tenant_id, portfolio_id) references portfolios (tenant_id, id),
  check (period_end >= period_start),
  check (status not in ('ready', 'delivered') or storage_uri is not null and content_sha256 is not null and generated_at is not null),
  check ((status = 'delivered') = (delivered_at is not null)),
  check ((status = 'failed') = (failure is not null))
);
comment on table reports is 'Reports that were asked for, and where the finished ones are. Without client and portfolio: about the whole firm.';
comment on column reports.content_sha256 is 'Hash of the document as it was made: a changed one is noticed.';
create index reports_by_client on reports (tenant_id, client_id, period_end) where client_id is not null;
create index reports_by_portfolio on reports (tenant_id, portfolio_id, period_end) where portfolio_id is not null;
create index reports_unfinished on reports (tenant_id, requested_at) where status in ('requested', 'generating');

create trigger touch before update on reports for each row execute function touch_updated_at();
