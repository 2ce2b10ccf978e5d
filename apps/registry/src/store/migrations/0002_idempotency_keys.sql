-- What was asked under an Idempotency-Key, kept for a day.
create table idempotency_keys (
  principal text not null,
  route text not null,
  key text not null,
  -- SHA-256 of the body as it was understood.
  fingerprint bytea not null,
  tenant_id varchar(100) not null,
  created_at timestamptz not null default now(),
  primary key (principal, route, key)
);

create index idempotency_keys_by_age on idempotency_keys (created_at);
