-- Tenants of whom something is stored that no message of the contract can say. The relay passes them over, so that they hold up
-- nobody else, and tries again at each start.
create table relay_parked (
  tenant_id varchar(100) primary key,
  -- Of the first event that is not published.
  revision bigint not null,
  reason text not null,
  since timestamptz not null default now()
);
