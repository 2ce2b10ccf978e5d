import {
  createCommandHandler,
  createInMemoryEventStore,
  eventId,
  type EventStore,
  type StoredEvent,
} from '@ultracore/event-sourcing';
import { createLogger } from '@ultracore/service';
import { v4 } from 'uuid';
import { createPass, type Pass } from '../../src/inbound/rollout/executor.ts';
import { changesOf } from '../../src/readmodel/rollout-changes.ts';
import { rolloutCodec, rolloutStreamOf } from '../../src/rollout/codec.ts';
import { rolloutDecider } from '../../src/rollout/decider.ts';
import { planRollout, wholeTiersOf, type Candidate, type Canary } from '../../src/rollout/plan.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import type { Tier } from '../../src/tenant/facts.ts';
import type { TenantCommand } from '../../src/tenant/commands.ts';
import { createCommand, factsOf, idOf, record } from '../tenant/examples.ts';
import { createRows } from './fleet-rows.ts';

const logger = createLogger({ name: 'fleet-test', level: 'silent' });
const metadata = { actor: 'op-1' };
const TARGET = '0004';

/** An event store in memory whose whole log can be looked at. */
function createLog(): { store: EventStore; log: StoredEvent[] } {
  const inner = createInMemoryEventStore();
  const log: StoredEvent[] = [];
  const append: EventStore['append'] = async (streamName, events, expected) => {
    const appended = await inner.append(streamName, events, expected);
    const { events: stored } = await inner.readStream(streamName, {
      fromRevision: appended.revision - BigInt(events.length) + 1n,
    });
    log.push(...stored.filter(({ position }) => position > (log.at(-1)?.position ?? -1n)));
    return appended;
  };
  return { store: { ...inner, append }, log };
}

export interface Member {
  readonly tenantId: string;
  readonly tier?: Tier;
  readonly server?: string;
}

/** A fleet of active tenants at version 0003, a rollout to 0004 over them, and nobody who migrates but whom the test plays. */
export async function createFleet(members: readonly Member[]) {
  const { store, log } = createLog();
  const commands = createCommandHandler({ store, decider: tenantDecider, codec: tenantCodec, cacheSize: 10_000 });
  const rollouts = createCommandHandler({ store, decider: rolloutDecider, codec: rolloutCodec, cacheSize: 10 });
  const rolloutId = v4();
  const rows = createRows();
  let projected = 0;
  /** Where the next pass dies, once. */
  let dieAt: string | undefined;
  let meanwhile: ((boundary: string) => void) | undefined;
  let aheadMs = 0;
  const clock = (): Date => new Date(Date.now() + aheadMs);
  let pass: Pass = newPass();

  function newPass(): Pass {
    const onBoundary = (name: string): void => {
      meanwhile?.(name);
      if (name !== dieAt) return;
      dieAt = undefined;
      throw new Error(`killed at ${name}`);
    };
    return createPass({ rollouts, commands, progress: rows.progress, logger, onBoundary, clock });
  }
  const decide = (tenantId: string, command: TenantCommand): Promise<unknown> =>
    commands.handle(streamOf(tenantId), command, { requestId: v4(), metadata });
  const stateOf = async (tenantId: string) => {
    const { state } = await commands.load(streamOf(tenantId));
    if (state.status === 'none') throw new Error(`there is no ${tenantId}`);
    return state;
  };

  for (const { tenantId, tier = 'standard' } of members) {
    const requestId = idOf(tenantId);
    const { started, issued, schema, migrated } = factsOf(requestId);
    await decide(tenantId, { ...createCommand, tenantId, tier, requestId });
    for (const fact of [started, issued, schema, migrated]) await decide(tenantId, record(fact));
  }
  const now = (): string => clock().toISOString();
  const tell = (command: Parameters<typeof rollouts.handle>[1]) =>
    rollouts.handle(rolloutStreamOf(rolloutId), command, { requestId: v4(), metadata });

  /** The worker’s answer to what a tenant was last asked, whenever it is given. */
  const answers = async (tenantId: string) => {
    const { requests } = await stateOf(tenantId);
    const { migrated, migrationsFailed } = factsOf(requests.migrate?.id ?? '');
    return async (wentWell: boolean): Promise<void> => {
      const fact = wentWell ? { ...migrated, data: { ...migrated.data, migrationVersion: TARGET } } : migrationsFailed;
      const id = eventId(fact.data.requestId, fact.type);
      await commands.handle(streamOf(tenantId), record(fact, now()), { requestId: id, firstEventId: id, metadata });
    };
  };

  return {
    decide,
    log,
    rows: rows.all,
    /** Plans over all members. */
    async plan(options: { canary?: Canary; concurrency?: number; maxFailureShare?: number } = {}) {
      const { canary = { share: 0.01 }, concurrency = 20, maxFailureShare = 0.05 } = options;
      const candidates = members.map(({ tenantId, tier = 'standard', server = 'pg-a:5432' }): Candidate => ({
        tenantId,
        tier,
        server,
        status: 'active',
        migrationVersion: '0003',
        migrating: false,
      }));
      const { waves, leftOut } = planRollout(candidates, TARGET, canary);
      const planned = {
        rolloutId,
        targetVersion: TARGET,
        reason: 'because',
        by: 'op-1',
        concurrency,
        maxFailureShare,
        giveUpAfterMinutes: 60,
        waves,
        leftOut,
        wholeTiers: wholeTiersOf({}),
      };
      await tell({ type: 'PlanRollout', ...planned, now: now() });
    },
    /** Time passes. */
    later(minutes: number): void {
      aheadMs += minutes * 60_000;
    },
    stop: () => tell({ type: 'StopRollout', by: 'op-1', reason: 'because', now: now() }),
    resume: () => tell({ type: 'ResumeRollout', by: 'op-1', reason: 'mended', now: now() }),
    async status() {
      return (await rollouts.load(rolloutStreamOf(rolloutId))).state.status;
    },
    /** The projection sees so many events more. */
    project(events = Infinity): void {
      const upTo = Math.min(log.length, projected + events);
      changesOf(log.slice(projected, upTo)).forEach(rows.apply);
      projected = upTo;
    },
    /** One pass of the executor; where it is to die, a new one takes its place afterwards. `happens` is told each boundary that it passes. */
    async pass(dying?: string, happens?: (boundary: string) => void): Promise<void> {
      dieAt = dying;
      meanwhile = happens;
      await pass().catch((error: unknown) => {
        if (dying === undefined) throw error;
        pass = newPass();
      });
      dieAt = undefined;
      meanwhile = undefined;
    },
    /** Who has a migration open. */
    async open(): Promise<string[]> {
      const states = await Promise.all(members.map(({ tenantId }) => stateOf(tenantId)));
      return states.filter(({ requests }) => requests.migrate?.outcome === 'open').map(({ tenantId }) => tenantId);
    },
    answers,
    /** The worker’s answer to what is open at a tenant. */
    async answer(tenantId: string, wentWell: boolean): Promise<void> {
      const { requests } = await stateOf(tenantId);
      if (requests.migrate?.outcome === 'open') await (await answers(tenantId))(wentWell);
    },
    /** How often each tenant was asked, by the ids of what it was asked. */
    asked(): Map<string, string[]> {
      const requests = log.filter(({ type }) => type.startsWith('MigrationRequested'));
      return new Map(
        [...Map.groupBy(requests, ({ streamName }) => streamName)].map(([name, each]) => [
          name.slice(7),
          each.map(({ id }) => id),
        ]),
      );
    },
  };
}
export type Fleet = Awaited<ReturnType<typeof createFleet>>;
