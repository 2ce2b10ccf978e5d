-- What a rollout must know of each tenant before it asks. Null in rows that were there before, until their next event or a rebuild.
alter table tenant_revisions
  add column migration_version varchar(64),
  -- Whether a migration is open.
  add column migrating boolean;

-- Rollouts, from their streams.
create table rollouts (
  rollout_id uuid primary key,
  target_version varchar(64) not null,
  reason text not null,
  status varchar(20) not null,
  attempt integer not null,
  wave integer not null,
  planned_by varchar(255) not null,
  planned_at timestamptz not null,
  -- Of the rollout's stream.
  revision bigint not null
);
create index rollouts_by_age on rollouts (planned_at, rollout_id);
create index rollouts_running on rollouts (rollout_id) where status = 'running';

-- How the tenants of a rollout stand, from their streams and the rollout's.
create table rollout_tenants (
  rollout_id uuid not null,
  tenant_id varchar(100) not null,
  wave integer not null,
  -- Place in the order in which the tenants of a wave are asked.
  place integer not null,
  tier varchar(20) not null,
  server varchar(300) not null,
  state varchar(20) not null,
  -- The attempt in which it was, or is to be, asked.
  attempt integer not null,
  -- Of the last migration that was asked for.
  request_id uuid,
  -- Why it failed or was skipped.
  code text,
  reason text,
  -- Of the last event in the tenant's stream that counted; -1 before the first.
  revision bigint not null,
  primary key (rollout_id, tenant_id)
);
create index rollout_tenants_by_state on rollout_tenants (rollout_id, state, wave, place);
create index rollout_tenants_by_request on rollout_tenants (request_id) where request_id is not null;
create index rollout_tenants_running on rollout_tenants (tenant_id) where state = 'running';

-- The rollout that was planned or resumed last: while that one runs, no other may.
create table rollout_turn (
  only_one boolean primary key default true check (only_one),
  rollout_id uuid
);
insert into rollout_turn default values;
