import { percentilesOf } from '../scheduling/wait-times.ts';
import type { RoleCounters, RoleStats, Usage } from './counters.ts';
import type { LoginPool } from './login-pool.ts';

/** Of the pools as they are now, and of what they and those before them have counted. */
export function roleStatsOf(pools: readonly LoginPool[], counters: readonly RoleCounters[], now: number): RoleStats {
  const slots = pools.flatMap((pool) => pool.slots);
  const idle = slots.filter((slot) => slot.idle).length;
  return {
    total: slots.length,
    idle,
    inUse: slots.filter((slot) => slot.backend !== undefined).length - idle,
    waiting: pools.reduce((total, { waiting }) => total + waiting, 0),
    hits: sum(counters, (each) => each.hits),
    misses: sum(counters, (each) => each.misses),
    opened: sum(counters, (each) => each.opened),
    closed: sum(counters, (each) => each.closed),
    waitMs: percentilesOf(
      counters.map(({ waits }) => waits),
      now,
    ),
  };
}

export function usageOf(pools: readonly LoginPool[], counters: readonly RoleCounters[], now: number): Usage {
  const open = pools.flatMap((pool) => pool.slots.filter((slot) => slot.backend !== undefined));
  return {
    statements: sum(counters, (each) => each.statements),
    errors: sum(counters, (each) => each.errors),
    refused: sum(counters, (each) => each.refused),
    busyMs: sum(counters, (each) => each.busyMs),
    waitMs: sum(counters, (each) => each.waitMs),
    connectionMs: sum(counters, (each) => each.connectionMs) + open.reduce((total, slot) => total + now - slot.openedAt, 0),
  };
}

function sum(counters: readonly RoleCounters[], of: (each: RoleCounters) => number): number {
  return counters.reduce((total, each) => total + of(each), 0);
}
