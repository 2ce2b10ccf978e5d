-- With which keys a tenant's credentials are sealed, and when to look next whether the one in force is to be sealed with another.
alter table directory_row
  add column key_id text generated always as (row #>> '{credential,key_id}') stored,
  add column next_key_id text generated always as (row #>> '{next_credential,key_id}') stored,
  add column reseal_at timestamptz not null default now();
create index directory_row_key on directory_row (key_id, reseal_at) where key_id is not null;
create index directory_row_next_key on directory_row (next_key_id) where next_key_id is not null;

-- What a key is, the stored credentials say themselves.
drop table key_check;
