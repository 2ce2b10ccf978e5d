import type { LoginPool } from './login-pool.ts';
import type { Slot } from './slot.ts';
import type { Tenant } from './tenant.ts';
import { LINGER_MS } from './tuning.ts';

/** Who has how many of one server's connections, counting those that are being opened and those that the server may not have let go yet. */
export class ServerAccount {
  used = 0;
  readonly #pools = new Map<LoginPool, number>();
  readonly #tenants = new Map<Tenant, number>();
  /** Until when connections count that are gone at this end only, and whose they were. */
  readonly #lingering: { readonly until: number; readonly tenant: Tenant }[] = [];

  get anyLingering(): boolean {
    return this.#lingering.length > 0;
  }

  heldBy(tenant: Tenant): number {
    return this.#tenants.get(tenant) ?? 0;
  }

  /** Tenants that have at least one, and how many each. */
  tenants(): Iterable<readonly [Tenant, number]> {
    return this.#tenants;
  }

  /** All connections that this end still has. */
  slots(): Slot[] {
    return [...this.#pools.keys()].flatMap((pool) => pool.slots);
  }

  /** One of the pool's is about to be opened. */
  opens(pool: LoginPool): void {
    this.used++;
    count(this.#pools, pool, 1);
    count(this.#tenants, pool.tenant, 1);
    pool.tenant.hasOpened();
  }

  /** One of the pool's is no more at this end. It counts as its tenant's until the server has let go of it. */
  closed(pool: LoginPool): void {
    count(this.#pools, pool, -1);
  }

  letGo(tenant: Tenant): void {
    this.used--;
    count(this.#tenants, tenant, -1);
    tenant.hasLetGo();
  }

  /** Whether the server has let go of one of the tenant's is not known. */
  linger(tenant: Tenant, now: number): void {
    this.#lingering.push({ until: now + LINGER_MS, tenant });
  }

  /** Whose connection has lingered for long enough to be taken for let go; each is told once. */
  takeLingered(now: number): Tenant | undefined {
    const [first] = this.#lingering;
    if (first === undefined || first.until > now) return undefined;
    this.#lingering.shift();
    return first.tenant;
  }
}

function count<K>(counts: Map<K, number>, key: K, change: number): void {
  const next = (counts.get(key) ?? 0) + change;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
