-- The tiers of which a rollout is over every tenant, so that new ones follow it. None of those that were planned before.
alter table rollouts add column whole_tiers varchar(20)[] not null default '{}';
