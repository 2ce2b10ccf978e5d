-- Clients of the firm: who they are, how well they are known, and how they belong together.

-- ISO 6166: two letters, nine letters or digits, and a Luhn check digit over the digits that letters stand for (A = 10 … Z = 35).
create function is_isin(code text) returns boolean
  language sql immutable strict parallel safe
  return case when code !~ '^[A-Z]{2}[A-Z0-9]{9}[0-9]$' then false else (
    select sum(case when place % 2 = 0 then (2 * digit) / 10 + (2 * digit) % 10 else digit end) % 10 = 0
      from (
        select value::integer as digit, place
          from string_to_table(reverse((
            select string_agg(case when symbol ~ '[A-Z]' then (ascii(symbol) - 55)::text else symbol end, '' order by at)
              from string_to_table(code, null) with ordinality as symbols (symbol, at)
          )), null) with ordinality as digits (value, place)
      ) luhn
  ) end;
comment on function is_isin(text) is 'Is this an ISIN (ISO 6166) with the right check digit?';

-- ISO 17442: 18 letters or digits and two check digits, so that the number they spell is 1 modulo 97 (ISO 7064).
create function is_lei(code text) returns boolean
  language sql immutable strict parallel safe
  return case when code !~ '^[A-Z0-9]{18}[0-9]{2}$' then false else (
    select string_agg(case when symbol ~ '[A-Z]' then (ascii(symbol) - 55)::text else symbol end, '' order by at)::numeric % 97 = 1
      from string_to_table(code, null) with ordinality as symbols (symbol, at)
  ) end;
comment on function is_lei(text) is 'Is this a Legal Entity Identifier (ISO 17442) with the right check digits?';

create function touch_updated_at() returns trigger
  language plpgsql set search_path = pg_catalog, pg_temp
as $$
begin
  new.updated_at := now();
  return new;
end
$$;
comment on function touch_updated_at() is 'Trigger: a changed row says when it was changed.';

create domain currency_code as text check (value ~ '^[A-Z]{3}$');
comment on domain currency_code is 'ISO 4217 alphabetic code, e.g. CHF.';
create domain country_code as text check (value ~ '^[A-Z]{2}$');
comment on domain country_code is 'ISO 3166-1 alpha-2 code, e.g. LI.';
create domain isin_code as text check (is_isin(value));
comment on domain isin_code is 'ISO 6166 securities identifier, check digit included.';
create domain lei_code as text check (is_lei(value));
comment on domain lei_code is 'ISO 17442 identifier of a legal entity, check digits included.';
create domain email_address as text check (value ~ '^[^@[:space:]]+@[^@[:space:]]+\.[^@[:space:]]+$' and length(value) <= 254);
create domain money_amount as numeric(20, 4);
comment on domain money_amount is 'An amount in the currency that stands beside it.';
create domain security_quantity as numeric(28, 8);
comment on domain security_quantity is 'Units of an instrument, or nominal where it is priced in percent.';
create domain security_price as numeric(24, 8);

create table clients (
  tenant_id text not null default ultracore.current_tenant_id(),
  id uuid not null default gen_random_uuid(),
  kind text not null check (kind in ('person', 'organisation')),
  status text not null default 'prospect' check (status in ('prospect', 'active', 'dormant', 'closed')),
  external_reference text check (external_reference <> ''),
  given_name text,
  family_name text,
  date_of_birth date check (date_of_birth > date '1850-01-01'),
  legal_name text,
  lei lei_code,
  domicile country_code,
  nationality country_code,
  tax_residence country_code,
  email email_address,
  phone text check (phone ~ '^\+[0-9]{6,15}$'),
  preferred_language text check (preferred_language ~ '^[a-z]{2}(-[A-Z]{2})?$'),
  risk_profile text check (risk_profile in ('conservative', 'defensive', 'balanced', 'growth', 'aggressive')),
  politically_exposed boolean not null default false,
  kyc_status text not null default 'not_started'
    check (kyc_status in ('not_started', 'in_progress', 'approved', 'rejected', 'expired')),
  kyc_approved_on date,
  kyc_review_due_on date,
  relationship_manager text,
  onboarded_on date,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, id),
  unique (tenant_id, external_reference),
  check (case kind when 'person' then family_name is not null and legal_name is null and lei is null
                   else legal_name is not null and family_name is null and given_name is null and date_of_birth is null end),
  check (kyc_status <> 'approved' or kyc_approved_on is not null),
  check (kyc_review_due_on >= kyc_approved_on),
  check (status <> 'active' or kyc_status in ('approved', 'expired'))
);
comment on table clients is 'Persons and organisations the firm serves, or hopes to. Only a client whose KYC was approved may become active.';
comment on column clients.external_reference is 'Number of the client in the firm''s other systems.';
comment on column clients.lei is 'Legal Entity Identifier, for organisations that report trades.';
comment on column clients.domicile is 'Where the client lives or is registered.';
comment on column clients.tax_residence is 'Country that taxes the client''s income from here (CRS, FATCA).';
comment on column clients.phone is 'E.164: plus sign, country code, number.';
comment on column clients.risk_profile is 'Outcome of the suitability questionnaire.';
comment on column clients.kyc_review_due_on is 'When the file must be looked at again.';
create index clients_by_name on clients (tenant_id, lower(coalesce(legal_name, family_name)), lower(given_name));
create index clients_by_kyc_review on clients (tenant_id, kyc_review_due_on) where status <> 'closed';
create index clients_by_manager on clients (tenant_id, relationship_manager, status);

create table client_relationships (
  tenant_id text not null default ultracore.current_tenant_id(),
  client_id uuid not null,
  related_client_id uuid not null,
  kind text not null check (kind in
    ('beneficial_owner', 'authorised_signatory', 'power_of_attorney', 'legal_guardian', 'spouse', 'parent', 'director', 'trustee')),
  ownership_percent numeric(7, 4) check (ownership_percent > 0 and ownership_percent <= 100),
  valid_from date not null default current_date,
  valid_to date check (valid_to > valid_from),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (tenant_id, client_id, related_client_id, kind, valid_from),
  foreign key (tenant_id, client_id) references clients (tenant_id, id) on delete cascade,
  foreign key (tenant_id, related_client_id) references clients (tenant_id, id),
  check (client_id <> related_client_id),
  check (ownership_percent is null or kind = 'beneficial_owner')
);
comment on table client_relationships is 'What one client is to another: related_client_id is the <kind> of client_id.';
comment on column client_relationships.ownership_percent is 'Share of a beneficial owner, above 0 up to 100.';
create index client_relationships_by_related on client_relationships (tenant_id, related_client_id);

create trigger touch before update on clients for each row execute function touch_updated_at();
create trigger touch before update on client_relationships for each row execute function touch_updated_at();
