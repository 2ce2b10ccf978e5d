-- When the worker told the end of a tenant's migration in a rollout: a server that ends one after the other is at work, however many wait.
-- Null where it has told none, and in rows that were there before.
alter table rollout_tenants
  add column ended_at timestamptz;
