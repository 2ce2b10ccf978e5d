import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventEmitter } from 'node:events';
import { TENANT_ID_PATTERN } from '@ultracore/contracts';
import { bindEmitter, bindIterable, bindStream, type Runner } from './bind.ts';
import { TenantContextError } from './errors.ts';

/** For whom a piece of code works, and what belongs to the same request or message. */
export interface TenantContext {
  readonly tenantId: string;
  /** Who asked: the subject of the token, or the source of the message. */
  readonly principal?: string;
  readonly correlationId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
  /** The work only reads: queries may go through the tenant's read-only login. */
  readonly readonly?: boolean;
}

interface RunWithTenant {
  <Result>(tenant: string | TenantContext, work: () => PromiseLike<Result>): Promise<Result>;
  <Result>(tenant: string | TenantContext, work: () => Result): Result;
}

export interface TenantStorage {
  /**
   * The tenant of the rest of the current async execution, and of all that it starts. Code that already works for another tenant is
   * refused with `tenant_conflict`: a change in the middle is what mixes tenants up. Prefer `runWithTenant`, which ends by itself:
   * set before the first `await` of an async function, the tenant stays set for its caller too.
   */
  readonly setTenant: (tenantId: string) => void;
  /** Throws `no_tenant` outside of every context. */
  readonly getTenant: () => string;
  readonly findTenant: () => string | undefined;
  /** All that is known, frozen. */
  readonly current: () => TenantContext | undefined;
  /**
   * Runs `work`, and everything that it starts, for this tenant; afterwards the caller has the tenant that it had before. May be nested.
   * A thenable that only begins when it is awaited, as query builders return, begins inside. Throws `tenant_invalid`.
   */
  readonly runWithTenant: RunWithTenant;
  /** Runs `work` for no tenant: for what several tenants share, such as a cache that is filled or a connection that is opened. */
  readonly runWithoutTenant: <Result>(work: () => Result) => Result;
  /**
   * The same function, always run in the context of now. For callbacks that somebody else calls later: a connection that several
   * tenants share calls them in the context of whoever opened it.
   */
  readonly bind: <Args extends unknown[], Result>(callback: (...args: Args) => Result) => (...args: Args) => Result;
  /** The listeners of this emitter run in the context of now, whoever emits. Hands the emitter back. */
  readonly bindEmitter: <Emitter extends EventEmitter>(emitter: Emitter) => Emitter;
  /** A stream's own work and its listeners run in the context of now, whoever reads or writes it. Hands the stream back. */
  readonly bindStream: <Stream extends EventEmitter>(stream: Stream) => Stream;
  /** Each step of the iteration runs in the context of now: the body of an async generator else runs in that of who asks for a value. */
  readonly bindIterable: <Item>(iterable: AsyncIterable<Item>) => AsyncIterableIterator<Item>;
}

/** A frozen copy with a checked id. Throws `tenant_invalid`. */
const toContext = (tenant: string | TenantContext): TenantContext => {
  const context = typeof tenant === 'string' ? { tenantId: tenant } : { ...tenant };
  if (typeof context.tenantId !== 'string' || !TENANT_ID_PATTERN.test(context.tenantId)) {
    throw new TenantContextError('tenant_invalid', 'this is not a tenant id');
  }
  return Object.freeze(context);
};

const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

interface Slot {
  readonly context: TenantContext | undefined;
}

/** A context of its own, apart from every other: what is set in one is not seen in another. */
export const createTenantStorage = (): TenantStorage => {
  const storage = new AsyncLocalStorage<Slot>({ name: 'tenant' });

  /** Always in a slot of its own: `run` with the very value that is there already would not put it back afterwards. */
  const runIn = <Result>(context: TenantContext | undefined, work: () => Result): Result => storage.run({ context }, work);

  const current = (): TenantContext | undefined => storage.getStore()?.context;
  const findTenant = (): string | undefined => current()?.tenantId;

  function runWithTenant<Result>(tenant: string | TenantContext, work: () => PromiseLike<Result>): Promise<Result>;
  function runWithTenant<Result>(tenant: string | TenantContext, work: () => Result): Result;
  function runWithTenant(tenant: string | TenantContext, work: () => unknown): unknown {
    return runIn(toContext(tenant), () => {
      const result = work();
      // Called in here, `resolve` lets a lazy thenable begin in this context; a promise it hands back as it is.
      return isThenable(result) ? Promise.resolve(result) : result;
    });
  }

  /** What runs functions in the context of now, of this storage alone: other AsyncLocalStorages see what they saw. */
  const runner = (): Runner => {
    const context = current();
    return (work) => runIn(context, work);
  };

  return {
    setTenant(tenantId) {
      const present = findTenant();
      if (present === tenantId) return;
      const context = toContext(tenantId);
      if (present !== undefined) {
        throw new TenantContextError('tenant_conflict', 'this code works for another tenant already; use runWithTenant');
      }
      storage.enterWith({ context });
    },
    getTenant() {
      const tenantId = findTenant();
      if (tenantId === undefined) throw new TenantContextError('no_tenant', 'this code needs a tenant and runs for none');
      return tenantId;
    },
    findTenant,
    current,
    runWithTenant,
    runWithoutTenant: (work) => runIn(undefined, work),
    bind(callback) {
      const run = runner();
      return (...args) => run(() => callback(...args));
    },
    bindEmitter: (emitter) => bindEmitter(emitter, runner()),
    bindStream: (stream) => bindStream(stream, runner()),
    bindIterable: (iterable) => bindIterable(iterable, runner()),
  };
};
