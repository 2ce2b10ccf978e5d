-- Since when a home is known not to be what its version should look like; null: not at all.
alter table tenant_revisions
  add column drift_since timestamptz;

create index tenant_revisions_drifted on tenant_revisions (tenant_id) where drift_since is not null;
