-- To which versions of the migrations each worker can bring a home, so that one leaves alone what another one is needed for.
create table known_versions (
  worker integer primary key,
  versions text[] not null,
  seen_at timestamptz not null default now()
);
