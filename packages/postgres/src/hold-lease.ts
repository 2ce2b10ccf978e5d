import { setTimeout as sleep } from 'node:timers/promises';
import type { Lease, LeaseToken } from './lease.ts';
import type { PoolLogger } from './pool.ts';

export interface HoldLeaseOptions {
  lease: Lease;
  /**
   * Runs while the lease is held. `signal` aborts when it is lost or `stop` is called; `work` must then return soon. It is never
   * run twice at once in this process: the next acquisition waits for its end. If it returns or throws by itself the lease
   * is given back and applied for again.
   */
  work: (token: LeaseToken, signal: AbortSignal) => Promise<void>;
  logger: PoolLogger;
}

export interface LeaseHolder {
  start(): void;
  /** Ends `work`, gives the lease back. Returns when both are done. */
  stop(): Promise<void>;
  /** True while `work` runs under a lease that has not run out. */
  holding(): boolean;
}

/** Applies for a lease again and again and does a piece of work while it is held: one active instance among many. */
export function holdLease({ lease, work, logger }: HoldLeaseOptions): LeaseHolder {
  const stopping = new AbortController();
  const pauseMs = lease.ttlMs / 3;
  let running: Promise<void> | undefined;
  let current: LeaseToken | undefined;

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      const token = await lease.acquire().catch((error: unknown) => {
        logger.warn({ err: error, lease: lease.name }, 'could not apply for a lease; trying again');
        return null;
      });
      if (token) await workUnder(token);
      await pause(pauseMs, stopping.signal);
    }
  }

  async function workUnder(token: LeaseToken): Promise<void> {
    const lost = new AbortController();
    const signal = AbortSignal.any([lost.signal, stopping.signal]);
    const ended = new AbortController();
    current = token;
    const renewing = keepRenewing(token, AbortSignal.any([ended.signal, stopping.signal])).then(() => lost.abort());
    try {
      await work(token, signal);
    } catch (error) {
      logger.warn({ err: error, lease: lease.name }, 'the work done under a lease failed; the lease is given back');
    } finally {
      current = undefined;
      ended.abort();
      await renewing;
      await lease.release(token).catch(() => undefined);
    }
  }

  /** Returns when the lease is lost or `signal` aborts. A failed renewal is tried again for as long as the lease lasts. */
  async function keepRenewing(token: LeaseToken, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && token.held()) {
      await pause(Math.min(pauseMs, token.remainingMs()), signal);
      if (signal.aborted) return;
      const renewal = lease.renew(token).catch((error: unknown) => {
        logger.warn({ err: error, lease: lease.name }, 'could not renew a lease; trying again while it lasts');
        return token.held();
      });
      // A renewal that hangs must not keep the work going past the end of the lease.
      const kept = await Promise.race([renewal, sleep(token.remainingMs(), false, { ref: false })]);
      if (!kept) {
        logger.warn({ lease: lease.name, fence: String(token.token) }, 'a lease was lost');
        return;
      }
    }
  }

  return {
    start() {
      running ??= run();
    },
    async stop() {
      stopping.abort();
      await running;
    },
    holding: () => current?.held() ?? false,
  };
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}
