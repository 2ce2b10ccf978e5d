import type { TenantLogin } from '../registration.ts';
import type { PoolContext } from './context.ts';
import { RoleCounters, type RoleStats, type Usage } from './counters.ts';
import { LoginPool } from './login-pool.ts';
import type { PoolRole } from './login-pool-options.ts';
import { roleStatsOf, usageOf } from './role-stats.ts';
import type { ServerBudget } from './server-budget.ts';
import type { Tenant } from './tenant.ts';

export const ROLES: readonly PoolRole[] = ['readwrite', 'readonly', 'replica'];

/** The pools of a tenant, one a role while it is in use, and what they have counted, which outlives them. */
export class LoginPools {
  /** Those of the roles, and pools of a former home that still have connections. Another array whenever there is one more or less. */
  all: readonly LoginPool[] = [];
  readonly #tenant: Tenant;
  readonly #context: PoolContext;
  readonly #serverOf: (host: string, port: number) => ServerBudget;
  #current: Partial<Record<PoolRole, LoginPool>> = {};
  #counters: Partial<Record<PoolRole, RoleCounters>> = {};

  constructor(tenant: Tenant, context: PoolContext, serverOf: (host: string, port: number) => ServerBudget) {
    this.#tenant = tenant;
    this.#context = context;
    this.#serverOf = serverOf;
  }

  /** The role's pool, if it has one. */
  current(role: PoolRole): LoginPool | undefined {
    return this.#current[role];
  }

  /** The role's pool, made when it has none. */
  of(role: PoolRole): LoginPool {
    const pool = this.#current[role];
    if (pool !== undefined) return pool;
    const made = this.#make(role);
    this.#current[role] = made;
    this.all = [...this.all, made];
    this.#context.keepUp(this.#tenant);
    return made;
  }

  /** Credentials may have changed. */
  updateLogins(): void {
    for (const pool of this.all) pool.update(this.#loginOf(pool.role));
  }

  /** The role's connections are closed when they come free; what waits for one waits for one of the new home. */
  replace(role: PoolRole): void {
    const old = this.#current[role];
    if (old === undefined) return;
    delete this.#current[role];
    if (old.waiting > 0) old.handOver(this.of(role === 'replica' ? 'readonly' : role));
    old.forgetKeys();
    for (const slot of old.slots) slot.retire();
  }

  /** Every connection there is, or that is being opened, is closed when it comes free. */
  retireAll(): void {
    for (const pool of this.all) for (const slot of pool.slots) slot.retire();
  }

  forget(pool: LoginPool): void {
    this.all = this.all.filter((each) => each !== pool);
    if (this.#current[pool.role] === pool) delete this.#current[pool.role];
  }

  stats(roles: readonly PoolRole[], now: number): RoleStats {
    const pools = this.all.filter(({ role }) => roles.includes(role));
    return roleStatsOf(pools, this.countersOf(roles), now);
  }

  usage(now: number): Usage {
    return usageOf(this.all, this.countersOf(ROLES), now);
  }

  countersOf(roles: readonly PoolRole[]): RoleCounters[] {
    return roles.flatMap((role) => this.#counters[role] ?? []);
  }

  #make(role: PoolRole): LoginPool {
    const { database, primary, replica } = this.#tenant.registration;
    const { host, port } = role === 'replica' ? (replica ?? primary) : primary;
    return new LoginPool({
      context: this.#context,
      tenant: this.#tenant,
      role,
      server: this.#serverOf(host, port),
      database,
      login: this.#loginOf(role),
      counters: (this.#counters[role] ??= new RoleCounters(performance.now())),
    });
  }

  #loginOf(role: PoolRole): TenantLogin {
    const { readwrite, readonly } = this.#tenant.registration;
    return role === 'readwrite' ? readwrite : readonly;
  }
}
