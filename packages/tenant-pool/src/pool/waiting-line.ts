import type { Tenant } from './tenant.ts';

/** A tenant that waits, and since when. */
export interface Waiting {
  readonly tenant: Tenant;
  readonly since: number;
}

/** Tenants that wait for a connection to one server, each once, in the order in which they came; those that have none are first. */
export class WaitingLine {
  readonly #without = new Map<Tenant, Waiting>();
  readonly #more = new Map<Tenant, Waiting>();

  get size(): number {
    return this.#without.size + this.#more.size;
  }

  /** Tenants that have no connection at all. */
  get without(): number {
    return this.#without.size;
  }

  has(tenant: Tenant): boolean {
    return this.#without.has(tenant) || this.#more.has(tenant);
  }

  /** To the end of the line; nothing when it waits already. Whether it did not. */
  join(tenant: Tenant, hasSome: boolean, now: number): boolean {
    if (this.has(tenant)) return false;
    (hasSome ? this.#more : this.#without).set(tenant, { tenant, since: now });
    return true;
  }

  leave(tenant: Tenant): void {
    if (!this.#without.delete(tenant)) this.#more.delete(tenant);
  }

  /** The tenant has lost its last connection. */
  lostAll(tenant: Tenant): void {
    const waiting = this.#more.get(tenant);
    if (waiting === undefined) return;
    this.#more.delete(tenant);
    this.#without.set(tenant, waiting);
  }

  /** In order. Whoever is looked at may leave. */
  *[Symbol.iterator](): Generator<Waiting> {
    yield* this.#without.values();
    yield* this.#more.values();
  }

  /** Those that have a connection and want another. */
  withSome(): Iterable<Waiting> {
    return this.#more.values();
  }
}
