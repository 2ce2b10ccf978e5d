import type { Logger } from '@ultracore/service';
import type { Pool } from 'pg';
import { forgetOldRequests } from './idempotency-keys.ts';

const EVERY_MS = 60 * 60_000;

/** Removes, at the start and each hour, what the registry's own tables need not keep. Every registry may do it: nothing depends on when, or on who. */
export function createHousekeeping({ pool, logger }: { pool: Pool; logger: Logger }): { start: () => void; stop: () => void } {
  let timer: NodeJS.Timeout | undefined;
  const clean = (): void => {
    forgetOldRequests(pool).catch((error: unknown) => logger.warn({ err: error }, 'old idempotency keys were not removed'));
  };
  return {
    start() {
      clean();
      timer = setInterval(clean, EVERY_MS);
    },
    stop: () => clearInterval(timer),
  };
}
