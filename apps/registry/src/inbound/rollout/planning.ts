import type { CommandHandler } from '@ultracore/event-sourcing';
import { planRollout, type Candidate, type Canary, type Plan, type Scope } from '../../rollout/plan.ts';
import { refuse } from '../../rollout/refusals.ts';
import { streamOf } from '../../tenant/codec.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';

/** Every tenant that is not purged, as last projected; where `known` is false, only its stream says which version it has. */
export type RolloutCandidates = () => Promise<readonly (Candidate & { readonly known: boolean })[]>;

const READS_AT_ONCE = 16;
/** An event larger than about a million bytes is refused by the event store. */
const LARGEST_PLAN = 900_000;

/** Plans over all tenants as they are now. Throws `CommandRefused` `canary_not_eligible` or `rollout_too_large`. */
export async function planOverAll(
  deps: { readonly candidates: RolloutCandidates; readonly commands: CommandHandler<TenantState, TenantCommand, TenantEvent> },
  targetVersion: string,
  canary: Canary,
  scope: Scope,
): Promise<Plan> {
  const candidates = await deps.candidates();
  const known: Candidate[] = candidates.filter((each) => each.known || each.status !== 'active');
  const unknown = candidates.filter((each) => !each.known && each.status === 'active');
  for (let n = 0; n < unknown.length; n += READS_AT_ONCE) {
    known.push(...(await Promise.all(unknown.slice(n, n + READS_AT_ONCE).map((each) => readFromStream(deps.commands, each)))));
  }
  const plan = planRollout(known, targetVersion, canary, scope);
  if (JSON.stringify(plan.waves).length > LARGEST_PLAN) {
    return refuse('rollout_too_large', 'So many tenants cannot be part of one rollout: their ids do not fit into one event.');
  }
  return plan;
}

async function readFromStream(
  commands: CommandHandler<TenantState, TenantCommand, TenantEvent>,
  candidate: Candidate,
): Promise<Candidate> {
  const { state } = await commands.load(streamOf(candidate.tenantId));
  if (state.status === 'none') return candidate;
  return {
    ...candidate,
    status: state.status,
    migrationVersion: 'migrationVersion' in state ? state.migrationVersion : null,
    migrating: state.requests.migrate?.outcome === 'open',
  };
}
