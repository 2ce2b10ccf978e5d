import { setTimeout as sleep } from 'node:timers/promises';
import { isCommandRefused, isEventSourcingError, isVersionConflict, type CommandHandler } from '@ultracore/event-sourcing';
import type { Logger } from '@ultracore/service';
import type { Pool } from 'pg';
import { v4 } from 'uuid';
import type { BoundaryName } from '../../boundaries.ts';
import { askIdOf, giveUpIdOf, migrationIdOf, type Ask } from '../../rollout/ask.ts';
import { rolloutStreamOf } from '../../rollout/codec.ts';
import type { RolloutCommand, WaveProgress } from '../../rollout/commands.ts';
import type { ExistingRollout } from '../../rollout/state.ts';
import { createLeasedWork, type LeasedWork } from '../../store/leased-work.ts';
import { LEASES } from '../../store/schema.ts';
import { streamOf } from '../../tenant/codec.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';
import type { RolloutCommands } from './turn.ts';

interface Place {
  readonly rolloutId: string;
  readonly wave: number;
  readonly limit: number;
}
interface Overdue extends Ask {
  readonly requestId: string;
}
interface Skip {
  readonly tenantId: string;
  readonly code: string;
}

/** How the tenants of rollouts stand, from their streams: a moment behind them, and never ahead. */
export interface RolloutProgress {
  /** The rollout that runs, and up to which event of its stream the rest is. */
  readonly running: () => Promise<{ readonly rolloutId: string; readonly revision: number } | undefined>;
  readonly waves: (rolloutId: string) => Promise<readonly (WaveProgress & { readonly wave: number })[]>;
  /** Of some tenants those that wait to be asked. */
  readonly waiting: (query: { rolloutId: string; tenantIds: readonly string[] }) => Promise<readonly Ask[]>;
  /** Who was asked before a time and has not ended, nor anybody on the same server since. */
  readonly overdue: (query: { rolloutId: string; askedBefore: string; limit: number }) => Promise<readonly Overdue[]>;
  /** Who is to be asked next, in their order; `asked` were asked and wait only as far as is known. No server has more than its part. */
  readonly toAsk: (place: Place & { concurrency: number; asked: readonly string[] }) => Promise<readonly Ask[]>;
  /** Who is not asked, because the schema that they share could not be migrated. */
  readonly blocked: (place: Place) => Promise<readonly string[]>;
}

export interface RolloutExecutorDeps {
  readonly pool: Pool;
  readonly rollouts: RolloutCommands;
  readonly commands: CommandHandler<TenantState, TenantCommand, TenantEvent>;
  readonly progress: RolloutProgress;
  /** Identifies this process. */
  readonly holder: string;
  readonly leaseTtlMs: number;
  readonly logger: Logger;
  readonly onBoundary: (name: BoundaryName) => void;
  readonly clock?: () => Date;
  /** From the end of one pass to the next, in milliseconds, while a rollout runs. */
  readonly everyMs?: number;
}

/** Who is named for what no person decided. */
const REGISTRY = 'registry';
const MINUTE_MS = 60_000;
const EVERY_MS = 250;
const IDLE_MS = 1_000;
const ASKED_TOGETHER = 16;
/** An event that skips more would be too large to be stored. */
const SKIPPED_TOGETHER = 1_000;
/** In one pass. */
const GIVEN_UP = 100;
/** A pass that is repeated until there is nothing to do; true when there is a rollout that runs. */
export type Pass = (signal?: AbortSignal) => Promise<boolean>;

/**
 * Leads the rollout that runs: asks its tenants, as many at once as it may, and has each wave judged by how they stand. What it has done
 * it learns from the streams, as everybody does; whom it has asked is remembered only until that is seen there, so a kill at any moment
 * asks nobody twice and passes nobody over.
 */
export function createPass(deps: Omit<RolloutExecutorDeps, 'pool' | 'holder' | 'leaseTtlMs' | 'everyMs'>): Pass {
  const { rollouts, commands, progress, logger, onBoundary, clock = () => new Date() } = deps;
  /** Asked or skipped, and not yet seen to be. */
  let unseen = new Map<string, Ask>();
  const nameOf = (rolloutId: string, { tenantId, attempt }: Ask): string => `${rolloutId} ${tenantId} ${attempt}`;

  const tell = (rolloutId: string, command: RolloutCommand) =>
    rollouts.handle(rolloutStreamOf(rolloutId), command, {
      requestId: v4(),
      metadata: { actor: REGISTRY, correlationId: rolloutId, causationId: rolloutId },
    });

  const skip = async ({ rolloutId, attempt }: ExistingRollout, tenants: readonly Skip[]): Promise<void> => {
    for (let n = 0; n < tenants.length; n += SKIPPED_TOGETHER) {
      const some = tenants.slice(n, n + SKIPPED_TOGETHER);
      await tell(rolloutId, { type: 'SkipTenants', attempt, tenants: some, now: clock().toISOString() });
    }
  };

  /** Undefined when the tenant was asked, else why it is skipped. */
  const ask = async ({ rolloutId, targetVersion, plannedBy }: ExistingRollout, waiting: Ask): Promise<string | undefined> => {
    const requestId = askIdOf(rolloutId, waiting);
    const command = { type: 'MigrateTenant', targetVersion, rolloutId, onlyActive: true, by: plannedBy } as const;
    const metadata = { actor: plannedBy, correlationId: rolloutId, causationId: rolloutId };
    const stream = streamOf(waiting.tenantId);
    try {
      const whole = { ...command, requestId: migrationIdOf(rolloutId, waiting), now: clock().toISOString() };
      onBoundary('rollout:ask:before');
      await commands.handle(stream, whole, { requestId, metadata });
      onBoundary('rollout:ask:after');
      return undefined;
    } catch (error) {
      if (isCommandRefused(error) && error.code === 'not_active') return (await commands.load(stream)).state.status;
      if (isCommandRefused(error)) return error.code;
      if (isEventSourcingError(error) && error.code === 'event_not_publishable') return error.code;
      throw error;
    }
  };

  /** Whether it still runs in the attempt in which it was read. */
  const goesOn = async ({ rolloutId, attempt }: ExistingRollout): Promise<boolean> => {
    const { state } = await rollouts.load(rolloutStreamOf(rolloutId));
    return state.status === 'running' && state.attempt === attempt;
  };

  /** What is no longer waiting has been seen. */
  const forgetSeen = async (rolloutId: string): Promise<void> => {
    if (unseen.size === 0) return;
    const waiting = await progress.waiting({ rolloutId, tenantIds: [...unseen.values()].map(({ tenantId }) => tenantId) });
    unseen = new Map(waiting.map((each) => [nameOf(rolloutId, each), each] as const).filter(([name]) => unseen.has(name)));
  };

  /** A server that does not come back would hold up the rollout for ever. What was asked of it in this attempt has its time from the resumption on. */
  const giveUpOverdue = async ({ rolloutId, attemptSince, giveUpAfterMinutes }: ExistingRollout): Promise<void> => {
    const askedBefore = new Date(clock().getTime() - giveUpAfterMinutes * MINUTE_MS).toISOString();
    if (askedBefore < attemptSince) return;
    for (const each of await progress.overdue({ rolloutId, askedBefore, limit: GIVEN_UP })) {
      const reason = `The migration was open for more than ${giveUpAfterMinutes} minutes, in which its server has ended no other.`;
      const command = { type: 'CancelMigration', code: 'not_ended_in_time', reason, only: each.requestId, by: REGISTRY } as const;
      const metadata = { actor: REGISTRY, correlationId: rolloutId, causationId: rolloutId };
      const requestId = giveUpIdOf(rolloutId, each);
      try {
        await commands.handle(streamOf(each.tenantId), { ...command, now: clock().toISOString() }, { requestId, metadata });
        logger.warn({ rollout_id: rolloutId, tenant_id: each.tenantId }, 'a migration was given up: it has not ended in time');
      } catch (error) {
        // It has ended after all, or others keep changing this tenant: the next pass looks again.
        if (isCommandRefused(error) || isVersionConflict(error)) continue;
        throw new Error(`giving up ${each.tenantId} failed: ${messageOf(error)}`, { cause: error });
      }
    }
  };

  const askNext = async (rollout: ExistingRollout, running: number, signal: AbortSignal | undefined): Promise<void> => {
    const { rolloutId, wave, concurrency } = rollout;
    const limit = concurrency - running - unseen.size;
    if (limit <= 0) return;
    const asked = [...unseen.values()].map(({ tenantId }) => tenantId);
    const free = await progress.toAsk({ rolloutId, wave, concurrency, asked, limit });
    for (let n = 0; n < free.length; n += ASKED_TOGETHER) {
      // Who stops a rollout expects that nobody is asked from then on.
      if (signal?.aborted || !(await goesOn(rollout))) return;
      const skipped: Skip[] = [];
      const askOne = async (each: Ask): Promise<void> => {
        const code = await ask(rollout, each).catch((error: unknown) => {
          if (!isVersionConflict(error)) throw new Error(`asking ${each.tenantId} failed: ${messageOf(error)}`, { cause: error });
          // Others keep changing this tenant: the next pass asks it.
          return null;
        });
        if (code === null) return;
        unseen.set(nameOf(rolloutId, each), each);
        if (code !== undefined) skipped.push({ tenantId: each.tenantId, code });
      };
      await Promise.all(free.slice(n, n + ASKED_TOGETHER).map(askOne));
      await skip(rollout, skipped);
    }
  };

  return async (signal) => {
    const open = await progress.running();
    if (open === undefined) return false;
    const { rolloutId } = open;
    const { state } = await rollouts.load(rolloutStreamOf(rolloutId));
    // What follows must know of everything that was decided: it is decided upon it.
    if (state.status !== 'running' || open.revision < state.revision) return true;
    // Before it is counted who is running: what becomes seen in between counts twice for a moment, and never not at all.
    await forgetSeen(rolloutId);
    const waves = await progress.waves(rolloutId);
    const now = clock().toISOString();
    const current = waves.find((each) => each.wave === state.wave);
    if (current === undefined) return true;
    onBoundary('rollout:judge:before');
    const { attempt, wave } = state;
    const { events } = await tell(rolloutId, { type: 'JudgeWave', attempt, wave, progress: current, now });
    for (const event of events) logger.info({ rollout_id: rolloutId, ...event.data }, `a rollout: ${event.type}`);
    onBoundary('rollout:judge:after');
    if (events.length > 0 || signal?.aborted) return true;
    const blocked = await progress.blocked({ rolloutId, wave, limit: SKIPPED_TOGETHER });
    if (blocked.length > 0) {
      await skip(
        state,
        blocked.map((tenantId) => ({ tenantId, code: 'schema_failed' })),
      );
      return true;
    }
    await giveUpOverdue(state);
    const running = waves.reduce((sum, each) => sum + each.running, 0);
    await askNext(state, running, signal);
    return true;
  };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Of several registries one leads, under a lease. Should two do so at once, they ask the same under the same ids. */
export function createRolloutExecutor(deps: RolloutExecutorDeps): LeasedWork {
  const { everyMs = EVERY_MS } = deps;
  return createLeasedWork({
    ...deps,
    name: LEASES.rollout,
    what: 'the rollout',
    async work({ signal, token, onWorking }) {
      const pass = createPass(deps);
      while (!signal.aborted) {
        const busy = token.held() && (await pass(signal));
        onWorking();
        await sleep(busy ? everyMs : IDLE_MS, undefined, { signal }).catch(() => undefined);
      }
    },
  });
}
