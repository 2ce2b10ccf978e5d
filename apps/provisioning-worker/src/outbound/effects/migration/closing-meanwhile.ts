import { setTimeout as sleep } from 'node:timers/promises';
import { ADMIN_DATABASE } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import { backoffMs } from '../../../provisioning/backoff.ts';
import { fingerprintOf, wantedHome } from '../../../provisioning/wanted.ts';
import { noteApplied, readLeasedHome } from '../../../store/homes.ts';
import { closeLogins } from '../../change-logins.ts';
import { judge } from '../../judge.ts';
import { LeaseLostError } from '../../sessions.ts';
import type { Logger } from '../../under-lease.ts';
import type { Effect, EffectContext } from '../effect.ts';

const LOOK_EVERY_MS = 500;
const AFTER_FAILURE = { firstMs: 1000, longestMs: 10_000 } as const;

interface ClosingOptions {
  readonly pool: Pool;
  readonly logger: Logger;
}

/**
 * An effect that may take long, and leaves the logins alone. It keeps the tenant's lease, so nobody else can close the logins of a
 * tenant that is suspended or terminated meanwhile: they are closed beside the effect, under the same lease. Anything else that
 * has come to be wanted of the logins waits until the effect is over.
 */
export function closingMeanwhile(effect: Effect, options: ClosingOptions): Effect {
  return async (context) => {
    const over = new AbortController();
    const watching = watch(context, options, over.signal);
    try {
      return await effect(context);
    } finally {
      over.abort();
      await watching;
    }
  };
}

/** Never throws: what could not be closed is tried again, and when the effect is over the home is still due. */
async function watch(context: EffectContext, options: ClosingOptions, over: AbortSignal): Promise<void> {
  let failures = 0;
  const pause = (): number => (failures === 0 ? LOOK_EVERY_MS : backoffMs(failures, AFTER_FAILURE, Math.random()));
  while (await hasPassed(pause(), over)) {
    try {
      await closeIfWanted(context, options);
      failures = 0;
    } catch (error) {
      if (error instanceof LeaseLostError) return;
      failures += 1;
      const { kind, code, reason } = judge(error);
      // A session that broke stays broken: the next try needs another one.
      if (kind === 'server') await context.sessions.end(ADMIN_DATABASE).catch(() => undefined);
      options.logger.warn(
        { tenant_id: context.item.tenantId, code, reason },
        "a home's logins could not be closed during a migration; trying again",
      );
    }
  }
}

const hasPassed = (ms: number, over: AbortSignal): Promise<boolean> => sleep(ms, true, { signal: over }).catch(() => false);

async function closeIfWanted({ item, sessions, onBoundary }: EffectContext, { pool, logger }: ClosingOptions): Promise<void> {
  const home = await readLeasedHome(pool, item);
  const wanted = home && wantedHome(home.row);
  if (!home || !wanted || wanted.login || home.applied === fingerprintOf(wanted)) return;
  await closeLogins({ pool, lease: item, sessions, onBoundary });
  await noteApplied(pool, item, fingerprintOf(wanted));
  logger.info({ tenant_id: item.tenantId, request_id: wanted.requestId }, "a home's logins were closed during a migration");
}
