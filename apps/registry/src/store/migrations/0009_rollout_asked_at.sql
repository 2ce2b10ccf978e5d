-- When a tenant of a rollout was asked: a migration that does not end in time is not waited for. Null in rows that were there before, which
-- are waited for without end, until a rebuild.
alter table rollout_tenants
  add column asked_at timestamptz;
