-- What the registry asks for by itself when its time has come. Null: nothing. Rows that were there before are filled by their next
-- event, or by a rebuild.
alter table tenant_revisions
  add column purge_from timestamptz,
  -- Read in full, and only where passwords are rotated by age: no index.
  add column password_since timestamptz;

create index tenant_revisions_purge_from on tenant_revisions (purge_from) where purge_from is not null;
