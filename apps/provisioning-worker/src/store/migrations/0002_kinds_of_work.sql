-- What is asked for, and what the event that asks says of it beside that.
alter table work_item
  add column kind text not null default 'provision' check (kind in ('provision', 'rotate', 'purge', 'migrate', 'verify_replica')),
  add column details jsonb not null default '{}',
  -- Nothing may be done for the item until a directory row of a higher revision has arrived; null while nothing is waited for.
  add column waits_beyond bigint;
alter table work_item alter column kind drop default;

-- Of every kind, instead of the creation alone.
alter table directory_row
  add column open_requests uuid[] not null default '{}',
  add column done_requests uuid[] not null default '{}';
update directory_row set
  open_requests = array(select (value->>'id')::uuid from jsonb_each(row->'requests') where value->>'outcome' = 'open'),
  done_requests = array(select (value->>'id')::uuid from jsonb_each(row->'requests') where value->>'outcome' = 'done');
alter table directory_row drop column provision_id, drop column provision_outcome;

-- Work in the order in which it is taken.
create index work_item_queue on work_item ((state = 'undo') desc, received_at) where state <> 'closed';
-- What of a tenant's credentials there is.
create index work_item_tenant on work_item (tenant_id);
