import {
  createCommandHandler,
  createInMemoryEventStore,
  eventId,
  type EventStore,
  type StoredEvent,
} from '@ultracore/event-sourcing';
import { createLogger } from '@ultracore/service';
import { v4 } from 'uuid';
import { createPass, type Pass, type RolloutProgress } from '../../src/inbound/rollout/executor.ts';
import { changesOf, type Change } from '../../src/readmodel/rollout-changes.ts';
import { migrationIdOf } from '../../src/rollout/ask.ts';
import { rolloutCodec, rolloutStreamOf } from '../../src/rollout/codec.ts';
import type { WaveProgress } from '../../src/rollout/commands.ts';
import { rolloutDecider } from '../../src/rollout/decider.ts';
import { planRollout, wholeTiersOf, type Candidate, type Canary } from '../../src/rollout/plan.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import type { Tier } from '../../src/tenant/facts.ts';
import type { TenantCommand } from '../../src/tenant/commands.ts';
import { createCommand, factsOf, idOf, record } from '../tenant/examples.ts';

const logger = createLogger({ name: 'fleet-test', level: 'silent' });
const metadata = { actor: 'op-1' };
const TARGET = '0004';

interface Row {
  readonly tenantId: string;
  readonly wave: number;
  readonly place: number;
  readonly tier: Tier;
  readonly server: string;
  state: 'waiting' | 'running' | 'done' | 'failed' | 'skipped';
  attempt: number;
  requestId: string | null;
  code: string | null;
  revision: number;
}

/** What the projection keeps in Postgres, in memory: the same changes, the same answers. */
function createRows() {
  const rows = new Map<string, Row>();
  let running: { rolloutId: string; revision: number } | undefined;
  const all = (): Row[] => [...rows.values()].toSorted((a, b) => a.wave - b.wave || a.place - b.place);
  const unit = (row: Row): Row[] => all().filter(({ tier, server }) => tier === 'small' && server === row.server);
  const isBlocked = (row: Row): boolean =>
    row.tier === 'small' &&
    row.state === 'waiting' &&
    unit(row).some(({ state }) => state === 'failed') &&
    unit(row).every(({ state }) => state !== 'done');
  const mayAsk = (row: Row): boolean =>
    row.tier !== 'small' ||
    unit(row).some(({ state }) => state === 'done') ||
    (unit(row).every(({ state }) => state !== 'running' && state !== 'failed') &&
      unit(row).find(({ state }) => state === 'waiting') === row);

  function apply(change: Change): void {
    switch (change.change) {
      case 'asked': {
        const row = rows.get(change.tenantId);
        if (row?.state !== 'waiting' || change.requestId !== migrationIdOf(change.rolloutId, row)) return;
        Object.assign(row, { state: 'running', requestId: change.requestId, code: null, revision: change.revision });
        return;
      }
      case 'ended': {
        const row = rows.get(change.tenantId);
        if (row?.requestId !== change.requestId || row.state === 'waiting' || row.state === 'done') return;
        if (row.state !== 'running' && change.failure) return;
        Object.assign(row, {
          state: change.failure?.state ?? 'done',
          code: change.failure?.code ?? null,
          revision: change.revision,
        });
        return;
      }
      case 'cancelled': {
        const row = rows.get(change.tenantId);
        if (row?.state === 'running') Object.assign(row, { state: 'skipped', code: change.code, revision: change.revision });
        return;
      }
      case 'rollout':
        return applyRollout(change);
      default:
        change satisfies never;
    }
  }

  function applyRollout({ rolloutId, event, revision }: Extract<Change, { change: 'rollout' }>): void {
    running = event.type === 'RolloutStopped' || event.type === 'RolloutCompleted' ? undefined : { rolloutId, revision };
    if (event.type === 'RolloutPlanned') {
      event.data.waves.forEach(({ groups }, wave) =>
        groups.forEach(({ tier, server, tenants }, group) =>
          tenants.forEach((tenantId, n) =>
            rows.set(tenantId, {
              tenantId,
              wave,
              place: n * groups.length + group,
              tier,
              server,
              state: 'waiting',
              attempt: 1,
              requestId: null,
              code: null,
              revision: -1,
            }),
          ),
        ),
      );
    }
    if (event.type === 'TenantsSkipped') {
      for (const { tenantId, code } of event.data.tenants) Object.assign(rows.get(tenantId) ?? {}, { state: 'skipped', code });
    }
    if (event.type === 'RolloutResumed') {
      const again = all().filter(({ state }) => state === 'failed' || state === 'skipped');
      for (const row of again) Object.assign(row, { state: 'waiting', code: null, attempt: event.data.attempt });
    }
  }

  const progressOf = (wave: number): WaveProgress & { wave: number } => {
    const mine = all().filter((row) => row.wave === wave);
    const count = (state: Row['state']): number => mine.filter((row) => row.state === state).length;
    const counts = { waiting: count('waiting'), running: count('running'), done: count('done') };
    const already = mine.filter(({ state, code }) => state === 'skipped' && code === 'already_migrated').length;
    const blocked = mine.filter(isBlocked).length;
    return { wave, ...counts, failed: count('failed'), skipped: count('skipped'), already, blocked };
  };
  const progress: RolloutProgress = {
    running: () => Promise.resolve(running),
    waves: () => Promise.resolve([...new Set(all().map(({ wave }) => wave))].map(progressOf)),
    toAsk: ({ wave, limit }) =>
      Promise.resolve(
        all()
          .filter((row) => row.state === 'waiting' && row.wave <= wave && mayAsk(row))
          .slice(0, limit),
      ),
    blocked: ({ wave, limit }) =>
      Promise.resolve(
        all()
          .filter((row) => row.wave <= wave && isBlocked(row))
          .map(({ tenantId }) => tenantId)
          .slice(0, limit),
      ),
  };
  return { all, apply, progress };
}

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
  let pass: Pass = newPass();

  function newPass(): Pass {
    const onBoundary = (name: string): void => {
      meanwhile?.(name);
      if (name !== dieAt) return;
      dieAt = undefined;
      throw new Error(`killed at ${name}`);
    };
    return createPass({ rollouts, commands, progress: rows.progress, logger, onBoundary });
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
  const now = (): string => new Date().toISOString();
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
        waves,
        leftOut,
        wholeTiers: wholeTiersOf({}),
      };
      await tell({ type: 'PlanRollout', ...planned, now: now() });
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
