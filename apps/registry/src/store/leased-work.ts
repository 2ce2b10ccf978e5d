import { createLease, holdLease, type Lease, type LeaseToken, type PoolLogger } from '@ultracore/postgres';
import type { Pool } from 'pg';
import { SCHEMA } from './schema.ts';

export interface LeasedWork {
  readonly start: () => void;
  readonly stop: () => Promise<void>;
  /** True in the one registry that does it. */
  readonly active: () => boolean;
  /** Why this registry neither does it nor leaves it to one that does; undefined when all is well. */
  readonly fault: () => string | undefined;
}

export interface UnderLease {
  readonly lease: Lease;
  readonly token: LeaseToken;
  readonly signal: AbortSignal;
  /** To be called when it gets on. What it failed of before counts until then, since it may be about to fail of it again. */
  readonly onWorking: () => void;
}

/** Work of which one registry among several does its part, again and again until stopped, and which can say why it does not get on. */
export function createLeasedWork(deps: {
  pool: Pool;
  /** Of the lease. */
  name: string;
  /** Identifies this process. */
  holder: string;
  leaseTtlMs: number;
  logger: PoolLogger;
  /** As a sentence begins, e.g. `the relay`. */
  what: string;
  /** Goes on until the signal is aborted. */
  work: (under: UnderLease) => Promise<void>;
}): LeasedWork {
  const { what } = deps;
  const lease = createLease(deps.pool, { schema: SCHEMA, name: deps.name, holder: deps.holder, ttlMs: deps.leaseTtlMs });
  let fault: string | undefined;
  const onWorking = (): void => {
    fault = undefined;
  };
  const watched: Lease = {
    ...lease,
    async acquire() {
      const token = await lease.acquire();
      // Somebody else has it: following is fine.
      if (token === null) fault = undefined;
      return token;
    },
  };
  const work = async (token: LeaseToken, signal: AbortSignal): Promise<void> => {
    try {
      await deps.work({ lease, token, signal, onWorking });
      if (signal.aborted) return;
      fault = `${what} has ended by itself`;
    } catch (error) {
      fault = `${what} has stopped: ${error instanceof Error ? error.message : String(error)}`;
      throw error;
    }
  };
  const holding = holdLease({ lease: watched, work, logger: deps.logger });
  return { start: () => holding.start(), stop: () => holding.stop(), active: () => holding.holding(), fault: () => fault };
}
