-- The usual questions. security_invoker: a view shows exactly the rows its reader may see.

create view latest_prices with (security_invoker = true) as
  select distinct on (tenant_id, instrument_id) tenant_id, instrument_id, price_date, price, currency, source
    from prices
   order by tenant_id, instrument_id, price_date desc, source;
comment on view latest_prices is 'The newest price of each instrument.';

create view latest_fx_rates with (security_invoker = true) as
  with stored as (
    select distinct on (tenant_id, base_currency, quote_currency) tenant_id, base_currency, quote_currency, rate_date, rate
      from fx_rates
     order by tenant_id, base_currency, quote_currency, rate_date desc
  )
  select tenant_id, base_currency, quote_currency, rate_date, rate from stored
  union all
  select inverse.tenant_id, inverse.quote_currency, inverse.base_currency, inverse.rate_date, 1 / inverse.rate
    from stored inverse
   where not exists (
     select from stored direct
      where direct.tenant_id = inverse.tenant_id
        and direct.base_currency = inverse.quote_currency
        and direct.quote_currency = inverse.base_currency
   );
comment on view latest_fx_rates is 'The newest rate of each pair, in both directions: a stored one, else the inverse of a stored one.';

create view portfolio_positions with (security_invoker = true) as
  select p.tenant_id, p.id as portfolio_id, p.name as portfolio_name, i.id as instrument_id, i.isin, i.name as instrument_name,
         i.kind as instrument_kind, h.quantity, l.price, l.currency as price_currency, l.price_date, v.market_value,
         p.base_currency, v.market_value * f.rate as market_value_base, h.cost_amount, h.cost_currency
    from holdings h
    join portfolios p on p.tenant_id = h.tenant_id and p.id = h.portfolio_id
    join instruments i on i.tenant_id = h.tenant_id and i.id = h.instrument_id
    left join latest_prices l on l.tenant_id = h.tenant_id and l.instrument_id = h.instrument_id
    cross join lateral (
      select h.quantity * l.price / case i.price_unit when 'percent_of_nominal' then 100 else 1 end as market_value
    ) v
    left join lateral (
      select 1::numeric as rate where l.currency = p.base_currency
      union all
      select x.rate from latest_fx_rates x
       where x.tenant_id = h.tenant_id and x.base_currency = l.currency and x.quote_currency = p.base_currency
    ) f on true;
comment on view portfolio_positions is
  'Every holding at its newest price. market_value_base, in the portfolio''s currency, is null while a price or a rate is missing.';

create view portfolio_valuations with (security_invoker = true) as
  with securities as (
    select tenant_id, portfolio_id, sum(market_value_base) as value, count(*) filter (where market_value_base is null) as unvalued
      from portfolio_positions
     group by tenant_id, portfolio_id
  ), cash as (
    select c.tenant_id, c.portfolio_id, sum(c.amount * f.rate) as value, count(*) filter (where f.rate is null and c.amount <> 0) as unvalued
      from cash_balances c
      join portfolios p on p.tenant_id = c.tenant_id and p.id = c.portfolio_id
      left join lateral (
        select 1::numeric as rate where c.currency = p.base_currency
        union all
        select x.rate from latest_fx_rates x
         where x.tenant_id = c.tenant_id and x.base_currency = c.currency and x.quote_currency = p.base_currency
      ) f on true
     group by c.tenant_id, c.portfolio_id
  )
  select p.tenant_id, p.id as portfolio_id, p.name as portfolio_name, p.account_id, p.base_currency,
         coalesce(s.value, 0) as securities_value, coalesce(c.value, 0) as cash_value,
         coalesce(s.value, 0) + coalesce(c.value, 0) as total_value,
         coalesce(s.unvalued, 0) + coalesce(c.unvalued, 0) as unvalued_positions
    from portfolios p
    left join securities s on s.tenant_id = p.tenant_id and s.portfolio_id = p.id
    left join cash c on c.tenant_id = p.tenant_id and c.portfolio_id = p.id;
comment on view portfolio_valuations is
  'What each portfolio is worth in its currency. Positions without price or rate are not in the sums but in unvalued_positions.';

create view open_orders with (security_invoker = true) as
  select o.tenant_id, o.id as order_id, o.portfolio_id, p.name as portfolio_name, o.instrument_id, i.name as instrument_name, i.isin,
         o.side, o.order_type, o.quantity, o.filled_quantity, o.quantity - o.filled_quantity as open_quantity,
         o.limit_price, o.stop_price, o.currency, o.status, o.requested_by, o.placed_at, o.created_at
    from orders o
    join portfolios p on p.tenant_id = o.tenant_id and p.id = o.portfolio_id
    join instruments i on i.tenant_id = o.tenant_id and i.id = o.instrument_id
   where o.status in ('draft', 'pending_approval', 'placed', 'partially_filled');
comment on view open_orders is 'Orders on which something is still to be done.';

create view clients_due_for_review with (security_invoker = true) as
  select tenant_id, id as client_id, coalesce(legal_name, concat_ws(' ', given_name, family_name)) as client_name, kind, status,
         kyc_status, kyc_approved_on, kyc_review_due_on, relationship_manager, politically_exposed
    from clients
   where status <> 'closed' and (kyc_status = 'expired' or kyc_review_due_on <= current_date + 30);
comment on view clients_due_for_review is 'Clients whose KYC file has expired or must be reviewed within 30 days.';

create view open_compliance_cases with (security_invoker = true) as
  select c.tenant_id, c.id as case_id, c.case_number, c.kind, c.severity, c.status, c.title, c.assigned_to, c.opened_at, c.due_at,
         coalesce(c.due_at < now(), false) as overdue, c.client_id,
         coalesce(k.legal_name, nullif(concat_ws(' ', k.given_name, k.family_name), '')) as client_name,
         c.portfolio_id, c.order_id, c.transaction_id
    from compliance_cases c
    left join clients k on k.tenant_id = c.tenant_id and k.id = c.client_id
   where c.status <> 'closed';
comment on view open_compliance_cases is 'Cases that are not closed, with what they are about and whether they are late.';
