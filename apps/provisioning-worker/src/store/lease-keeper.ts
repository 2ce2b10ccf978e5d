import type { Pool } from 'pg';
import { renewLeases } from './leases.ts';

export interface LeaseKeeper {
  /** Renews a lease from now on. The signal aborts when it is lost: whatever is done under it must stop at once. */
  keep(token: string): AbortSignal;
  /** The lease is given back or known to be lost. */
  drop(token: string): void;
  start(): void;
  stop(): void;
}

interface Logger {
  warn(details: object, message: string): void;
}

/** Renews all leases of this worker together, three times in their lifetime. */
export function createLeaseKeeper(pool: Pool, { ttlMs, logger }: { ttlMs: number; logger: Logger }): LeaseKeeper {
  const kept = new Map<string, { lost: AbortController; until: number }>();
  let timer: NodeJS.Timeout | undefined;
  let renewing = false;

  async function renew(): Promise<void> {
    if (renewing || kept.size === 0) return;
    renewing = true;
    const tokens = [...kept.keys()];
    const sentAt = performance.now();
    try {
      const held = await renewLeases(pool, tokens, ttlMs);
      for (const token of tokens) {
        const lease = kept.get(token);
        if (lease === undefined) continue;
        if (held.has(token)) lease.until = sentAt + ttlMs;
        else lose(token);
      }
    } catch (error) {
      logger.warn({ err: error }, 'leases could not be renewed; trying again while they last');
    } finally {
      renewing = false;
    }
  }

  function lose(token: string): void {
    kept.get(token)?.lost.abort();
    kept.delete(token);
  }

  function tick(): void {
    // Judged by this process's own clock too: the database may be the one that cannot be reached.
    for (const [token, { until }] of kept) if (performance.now() >= until) lose(token);
    void renew();
  }

  return {
    keep(token) {
      const lost = new AbortController();
      kept.set(token, { lost, until: performance.now() + ttlMs });
      return lost.signal;
    },
    drop(token) {
      kept.delete(token);
    },
    start() {
      timer ??= setInterval(tick, ttlMs / 3);
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
