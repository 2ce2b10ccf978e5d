-- Homes in stock. A row is written before anything of the home is made and changes under its own lock, so that no home is given out
-- twice and none is removed that was given out. It goes when the home is a tenant's, or removed.
create table stock_home (
  stock_id text primary key,
  tier text not null check (tier in ('enterprise', 'standard')),
  db_host text not null,
  db_port integer not null,
  -- What it is made of; one made of something else than the worker's migrations is not given out.
  fingerprint text not null,
  state text not null default 'making' check (state in ('making', 'ready', 'claimed', 'withdrawn')),
  -- The request that it was given to, whether it has its names yet or not.
  request_id uuid unique,
  recorded_at timestamptz not null default now(),
  check ((state = 'claimed') = (request_id is not null))
);
create index stock_home_server on stock_home (db_host, db_port, tier, recorded_at);
