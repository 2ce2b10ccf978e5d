-- Which bookkeeping this is: in the name of the consumer group, so that a lost bookkeeping is filled again from the beginning.
create table identity (
  only_one boolean primary key default true check (only_one),
  id uuid not null default gen_random_uuid()
);
insert into identity default values;

-- The newest row received of each tenant. The columns beside it are taken out of it, so that work can be found without reading it.
create table directory_row (
  tenant_id text primary key,
  revision bigint not null,
  row jsonb not null,
  db_host text,
  db_port integer,
  provision_id uuid,
  provision_outcome text,
  home_request_id uuid,
  -- Fingerprint of how Postgres is to treat the tenant's logins; null while there is no home to treat.
  wanted text,
  -- The fingerprint of how it was last made to; ours, not the directory's, and here so that both change under one row lock.
  applied text,
  -- When to bring the two in line; null while they are.
  repair_at timestamptz,
  logins_tested_at timestamptz,
  received_at timestamptz not null default now()
);
create index directory_row_repair on directory_row (repair_at) where repair_at is not null;
create index directory_row_server on directory_row (db_host, db_port);

-- One event that asks for work. The row is closed, never deleted: the comment of every object we made names its request.
create table work_item (
  request_id uuid primary key,
  tenant_id text not null,
  -- Of the event in the tenant's stream. Items of a tenant are worked in this order.
  revision bigint not null,
  state text not null default 'open' check (state in ('open', 'undo', 'sent', 'closed')),
  outcome text check (outcome in ('done', 'failed', 'cancelled', 'superseded')),
  failure jsonb,
  -- Failures in a row of the step at hand, and those among them that were not the server's or another session's fault.
  tries integer not null default 0,
  unclear_tries integer not null default 0,
  due_at timestamptz not null default now(),
  correlation_id text,
  traceparent text,
  received_at timestamptz not null default now(),
  closed_at timestamptz,
  check ((state = 'closed') = (outcome is not null))
);
create index work_item_unfinished on work_item (tenant_id, revision) where state <> 'closed';

-- A step is closed when its effect is there and its fact is acknowledged.
create table step (
  request_id uuid not null references work_item,
  step text not null,
  result jsonb not null,
  closed_at timestamptz not null default now(),
  primary key (request_id, step)
);

-- Where a request's home is to be, committed before anything of it is made: an object without a comment is ours only by this.
create table intended_home (
  request_id uuid primary key references work_item,
  tenant_id text not null,
  tier text not null check (tier in ('enterprise', 'standard', 'small')),
  db_host text not null,
  db_port integer not null,
  recorded_at timestamptz not null default now()
);

-- Fixed before a role is touched and used again at every repetition, so that a request has one password for ever.
create table sealed_credential (
  request_id uuid primary key references work_item,
  db_username text not null,
  db_password_encrypted text not null,
  readonly_db_username text not null,
  readonly_db_password_encrypted text not null,
  encryption_algorithm text not null,
  key_id text not null,
  sealed_at timestamptz not null default now()
);

-- Who works on a tenant. The token of a lease is in the name of every Postgres session opened under it.
create sequence lease_token as bigint;
create table tenant_lease (
  tenant_id text primary key,
  holder integer not null,
  token bigint not null,
  expires_at timestamptz not null,
  -- Tokens of holders that did not give the lease back: their sessions are to be ended before anything is done.
  to_end bigint[] not null default '{}'
);

-- Numbers for running workers. A worker keeps an advisory lock on its number, so that its death is seen at once.
create sequence worker_number as integer cycle;

-- Tells whether the master password is the one that this bookkeeping's credentials were sealed with.
create table key_check (
  key_id text primary key,
  check_value text not null,
  first_used_at timestamptz not null default now()
);
