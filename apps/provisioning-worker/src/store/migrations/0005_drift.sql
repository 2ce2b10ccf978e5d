-- When a tenant's home is to be compared with what its version of the migrations should look like.
alter table directory_row add column drift_due_at timestamptz not null default now();
create index directory_row_drift on directory_row (db_host, db_port, drift_due_at) where wanted is not null;
