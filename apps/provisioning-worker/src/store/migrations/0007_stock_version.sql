-- Up to which version of the migrations homes in stock are made: what the last creation of a tier asked for; null for all of them.
create table stock_version (
  tier text primary key check (tier in ('enterprise', 'standard')),
  version text
);
