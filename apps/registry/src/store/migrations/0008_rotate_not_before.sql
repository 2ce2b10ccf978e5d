-- Until when the passwords of a tenant are not replaced by age although they are old enough, because that has just failed: what is
-- listed is only what can be asked for. Null: no such time.
alter table tenant_revisions
  add column rotate_not_before timestamptz;
