import { setTimeout as sleep } from 'node:timers/promises';
import {
  eventId,
  isCommandRefused,
  isEventSourcingError,
  isVersionConflict,
  type CommandHandler,
} from '@ultracore/event-sourcing';
import type { Logger } from '@ultracore/service';
import type { Pool } from 'pg';
import { v5 } from 'uuid';
import { createLeasedWork, type LeasedWork, type UnderLease } from '../../store/leased-work.ts';
import { LEASES } from '../../store/schema.ts';
import { streamOf } from '../../tenant/codec.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';
import { purges, rotations, type Scheduled } from './scheduled.ts';

/** Ids of tenants that may be waiting for something, those that have waited longest first. */
export type TenantsWaiting = (query: { what: Scheduled['what']; until: Date; limit: number }) => Promise<readonly string[]>;

export interface ScheduleDeps {
  readonly pool: Pool;
  readonly commands: CommandHandler<TenantState, TenantCommand, TenantEvent>;
  readonly tenantsWaiting: TenantsWaiting;
  /** Passwords in force for this many days are replaced; undefined: only when somebody asks. */
  readonly rotateAfterDays: number | undefined;
  /** Identifies this process. */
  readonly holder: string;
  readonly leaseTtlMs: number;
  readonly logger: Logger;
  /** From the end of one pass to the next, in milliseconds. */
  readonly everyMs?: number;
}

const EVERY_MS = 30_000;
/** A pass looks at no more tenants than this, and asks for no more work: whatever fell due at once is spread over time. */
const LOOKED_AT = 1_000;
const ASKED = 50;
/** Namespace of the ids of what is asked by schedule. Never changed: what was asked already is recognised by it. */
const SCHEDULED = '0b0f3c2e-55a1-5c0b-8d53-2f0c1b7c9a44';

/**
 * Asks for what is due: of several registries one looks, under a lease. Should two look at once, they ask for the same thing under the
 * same id, once: it derives from the tenant as it was read, and nothing is asked of a tenant that has changed since.
 */
export function createSchedule(deps: ScheduleDeps): LeasedWork {
  const { commands, logger, rotateAfterDays, everyMs = EVERY_MS } = deps;
  const scheduled = [purges, ...(rotateAfterDays === undefined ? [] : [rotations(rotateAfterDays)])];

  /** Whether it was asked. */
  const ask = async (tenantId: string, { due }: Scheduled): Promise<boolean> => {
    const { state } = await commands.load(streamOf(tenantId));
    const command = state.status === 'none' ? undefined : due(state, new Date());
    if (command === undefined) return false;
    const requestId = v5(JSON.stringify([tenantId, command.type, command.ifMatch]), SCHEDULED);
    try {
      const metadata = { actor: command.by, causationId: requestId };
      const whole = { ...command, requestId: eventId(requestId, 0) };
      const { duplicate } = await commands.handle(streamOf(tenantId), whole, { requestId, metadata });
      if (!duplicate) logger.info({ tenant_id: tenantId, command: command.type }, 'asked for by schedule');
      return !duplicate;
    } catch (error) {
      if (!isAboutThisTenant(error)) throw error;
      logger.warn(
        { err: error, tenant_id: tenantId, command: command.type },
        'what is due could not be asked for; it is tried again',
      );
      return false;
    }
  };

  const pass = async (what: Scheduled, { token, signal }: UnderLease): Promise<void> => {
    const tenants = await deps.tenantsWaiting({ what: what.what, until: what.until(new Date()), limit: LOOKED_AT });
    let asked = 0;
    for (const tenantId of tenants) {
      if (signal.aborted || !token.held() || asked === ASKED) return;
      if (await ask(tenantId, what)) asked += 1;
    }
  };

  return createLeasedWork({
    ...deps,
    name: LEASES.schedule,
    what: 'the schedule',
    async work(under) {
      while (!under.signal.aborted) {
        for (const each of scheduled) await pass(each, under);
        under.onWorking();
        await sleep(everyMs, undefined, { signal: under.signal }).catch(() => undefined);
      }
    },
  });
}

/** Rather than about a store, without which nothing else can be asked either. */
const isAboutThisTenant = (error: unknown): boolean =>
  isCommandRefused(error) || isVersionConflict(error) || isEventSourcingError(error);
