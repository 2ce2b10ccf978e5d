import type { Tier } from '../tenant/facts.ts';
import { isAtLeast } from '../tenant/version.ts';
import type { LeftOut, Wave, WaveGroup } from './events.ts';
import { refuse } from './refusals.ts';

/** What a plan needs to know of a tenant. */
export interface Candidate {
  readonly tenantId: string;
  readonly tier: Tier;
  readonly status: string;
  /** `host:port`. */
  readonly server: string;
  /** Null where there is no home. */
  readonly migrationVersion: string | null;
  /** Whether a migration of it is open. */
  readonly migrating: boolean;
}

export type Canary = { readonly share: number } | { readonly tenants: readonly string[] };

/** Whom a rollout is over: everybody, unless it says otherwise. */
export interface Scope {
  readonly tiers?: readonly Tier[];
  readonly tenants?: readonly string[];
}

interface Skipped {
  readonly tenantId: string;
  readonly code: string;
}

export interface Plan {
  readonly waves: readonly Wave[];
  readonly leftOut: readonly LeftOut[];
  /** Those left out, one by one, in the order of their ids. */
  readonly skipped: readonly Skipped[];
}

/** By this share the canary is chosen unless a caller says otherwise. */
export const CANARY_SHARE = 0.01;
/** Each wave is so many times as large as the one before. */
const GROWTH = 5;
/** The small tier comes last: one schema of it is the home of many. */
const TIERS = ['standard', 'enterprise', 'small'] as const satisfies readonly Tier[];

/** The tiers of which every tenant is meant. */
export const wholeTiersOf = ({ tiers = TIERS, tenants }: Scope): readonly Tier[] => (tenants === undefined ? tiers : []);

/** Why a tenant is left out of a rollout; undefined when it is not. */
function reasonToSkip({ status, migrating, migrationVersion }: Candidate, target: string): string | undefined {
  if (status !== 'active') return status;
  if (migrating) return 'migration_open';
  return migrationVersion !== null && isAtLeast(migrationVersion, target) ? 'already_migrated' : undefined;
}

/**
 * Which tenants are brought to a version, in which waves. First the canary: by share at most that share of the tenants, one at least, spread
 * over tiers and servers and none of the small tier while there are others, because its tenants share a schema. Then tier by tier in waves
 * that grow; a small tier's wave holds whole servers. The same tenants give the same plan.
 * Throws `CommandRefused` `canary_not_eligible` for a canary that is not to be migrated.
 */
export function planRollout(tenants: readonly Candidate[], target: string, canary: Canary, scope: Scope = {}): Plan {
  const named = scope.tenants && new Set(scope.tenants);
  const isMeant = ({ tier, tenantId }: Candidate): boolean =>
    (scope.tiers?.includes(tier) ?? true) && (named?.has(tenantId) ?? true);
  const sorted = tenants.toSorted((a, b) => (a.tenantId < b.tenantId ? -1 : 1));
  const skipped: Skipped[] = [];
  const eligible: Candidate[] = [];
  for (const tenant of sorted) {
    const code = isMeant(tenant) ? reasonToSkip(tenant, target) : 'not_in_scope';
    if (code === undefined) eligible.push(tenant);
    else skipped.push({ tenantId: tenant.tenantId, code });
  }
  const first = 'share' in canary ? canaryByShare(eligible, canary.share) : canaryByName(eligible, skipped, canary.tenants);
  const chosen = new Set(first.map(({ tenantId }) => tenantId));
  const rest = eligible.filter(({ tenantId }) => !chosen.has(tenantId));
  const waves = [...(first.length > 0 ? [toWave(first)] : []), ...wavesAfter(first.length, rest)];
  return { waves, leftOut: countByCode(skipped), skipped };
}

function canaryByShare(eligible: readonly Candidate[], share: number): Candidate[] {
  const size = Math.max(1, Math.floor(eligible.length * share));
  const large = eligible.filter(({ tier }) => tier !== 'small');
  // More than one small tenant of a server would show nothing that the first has not shown.
  const from = large.length > 0 ? large : firstOfEach(eligible);
  return inTurns(from).slice(0, size);
}

function firstOfEach(tenants: readonly Candidate[]): Candidate[] {
  return [...Map.groupBy(tenants, ({ server }) => server).values()].flatMap(([first]) => first ?? []);
}

/** One of each tier and server after the other. */
function inTurns(tenants: readonly Candidate[]): Candidate[] {
  const groups = [...groupsOf(tenants).values()];
  const longest = Math.max(0, ...groups.map((group) => group.length));
  return Array.from({ length: longest }, (_, n) => groups.flatMap((group) => group[n] ?? [])).flat();
}

function canaryByName(eligible: readonly Candidate[], skipped: readonly Skipped[], names: readonly string[]): Candidate[] {
  const known = new Map(eligible.map((tenant) => [tenant.tenantId, tenant]));
  return [...new Set(names)].map((name) => {
    const why = skipped.find(({ tenantId }) => tenantId === name)?.code ?? 'tenant_not_found';
    return known.get(name) ?? refuse('canary_not_eligible', `${name} cannot be among the first: ${why}.`);
  });
}

function wavesAfter(canary: number, rest: readonly Candidate[]): Wave[] {
  const waves: Wave[] = [];
  let size = GROWTH * Math.max(1, canary);
  for (const tier of TIERS) {
    const units = unitsOf(rest.filter((tenant) => tenant.tier === tier));
    // A server is one step for the small tier, as a tenant is for the others.
    if (tier === 'small') size = 1;
    while (units.length > 0) {
      waves.push(toWave(units.splice(0, size).flat()));
      size *= GROWTH;
    }
  }
  return waves;
}

/** What is migrated as one: a tenant, or all the small ones of a server. */
const unitsOf = (tenants: readonly Candidate[]): Candidate[][] =>
  tenants[0]?.tier === 'small' ? [...groupsOf(tenants).values()] : inTurns(tenants).map((tenant) => [tenant]);

const groupsOf = (tenants: readonly Candidate[]): Map<string, Candidate[]> =>
  Map.groupBy(tenants, ({ tier, server }) => `${tier} ${server}`);

const toWave = (tenants: readonly Candidate[]): Wave => ({
  groups: [...groupsOf(tenants).values()].flatMap((group): WaveGroup[] => {
    const [first] = group;
    return first ? [{ tier: first.tier, server: first.server, tenants: group.map(({ tenantId }) => tenantId) }] : [];
  }),
});

const countByCode = (skipped: readonly Skipped[]): LeftOut[] =>
  [...Map.groupBy(skipped, ({ code }) => code)].map(([code, each]) => ({ code, tenants: each.length }));
