import { homeNames, type Home } from '@ultracore/tenant-database';
import { backoffMs } from '../provisioning/backoff.ts';
import { hasAfter, type BoundaryName } from '../provisioning/boundaries.ts';
import { decide, PLANS } from '../provisioning/plan.ts';
import { verdictOn, type WorkKind } from '../provisioning/situation.ts';
import { createdHome, fingerprintOf, NOT_KNOWN } from '../provisioning/wanted.ts';
import { releaseLease } from '../store/leases.ts';
import {
  closeItem,
  closeStep,
  finishItem,
  postpone,
  readWork,
  recordFailure,
  waitForRow,
  type LeasedItem,
  type Work,
} from '../store/work.ts';
import type { Effect, EffectContext } from './effects/effect.ts';
import { tellFact, type FactSink } from './facts.ts';
import type { Judged } from './judge.ts';
import type { PostgresServer } from './server.ts';
import type { UndoOutcome } from './translate/creation.ts';
import { factRecord } from './translate/fact.ts';
import { factOfStep } from './translate/fact-of-step.ts';
import { judgeTrouble, underLease, type Hand, type UnderLeaseOptions } from './under-lease.ts';

/** How often in a row a step may fail for a reason that is neither the server's nor passing, before it counts as lasting. */
const UNCLEAR_TRIES = 3;
const BACKOFF = { firstMs: 100, longestMs: 10_000 } as const;
/** What waits for a server looks again this soon; the server's own backoff decides when it is tried. */
const LOOK_AGAIN_MS = 200;

/** What happened, for metrics. */
interface WorkObserver {
  step(kind: WorkKind, step: string, tier: string, seconds: number): void;
  closed(kind: WorkKind, outcome: string): void;
}

export interface PerformerOptions extends UnderLeaseOptions {
  readonly facts: FactSink;
  /** What each step of each kind of work does beside telling its fact; none for a step that only tells. */
  readonly effects: Readonly<Record<WorkKind, Readonly<Partial<Record<string, Effect>>>>>;
  readonly onBoundary: (name: BoundaryName) => void;
  readonly observer: WorkObserver;
}

export interface Performer {
  /** Takes a leased item as far as it goes and gives the lease back. Never throws: what goes wrong is kept with the item. */
  perform(server: PostgresServer, item: LeasedItem): Promise<void>;
}

/**
 * Does the steps of an item, one after the other. Before each the item and the directory row are read again and it is decided
 * anew; a step is closed when its effect is there and its fact acknowledged. So a crash at any moment repeats one step at
 * most, and every step can be repeated.
 */
export function createPerformer(options: PerformerOptions): Performer {
  const { pool, facts, effects, onBoundary, observer, logger } = options;

  async function goThrough(hand: Hand<LeasedItem>): Promise<void> {
    const { lease: item } = hand;
    let work = await readWork(pool, item);
    while (work !== null && !hand.lost.aborted) {
      const decision = decide(work);
      switch (decision.do) {
        case 'wait':
          return work.row === null ? releaseLease(pool, item) : waitForRow(pool, item, work.row.revision);
        case 'close':
          logger.info({ ...named(item), kind: work.item.kind, outcome: decision.outcome }, 'a request is closed');
          observer.closed(work.item.kind, decision.outcome);
          return closeItem(pool, item, decision.outcome);
        case 'step':
        case 'undo':
          work = await takeStep(decision.step, hand, work);
          break;
        default:
          decision satisfies never;
      }
    }
  }

  /** The item as it is after the step, or null when it is out of our hands. */
  async function takeStep(step: string, hand: Hand<LeasedItem>, work: Work): Promise<Work | null> {
    const { lease: item } = hand;
    const { kind } = work.item;
    const began = performance.now();
    let context = contextOf(hand, work, onBoundary);
    onBoundary(`${step}:before`);
    let outcome: object = {};
    try {
      const effected = await effects[kind][step]?.(context);
      if (effected?.work) context = contextOf(hand, effected.work, onBoundary);
      outcome = effected?.outcome ?? {};
      if (hasAfter(step)) onBoundary(`${step}:after`);
      await tell(step, context, outcome);
    } catch (error) {
      return afterTrouble(step, hand, work, error);
    }
    observer.step(kind, step, context.home.tier, (performance.now() - began) / 1000);
    // What was cancelled has no answer to wait for.
    if (step !== PLANS[kind].last || verdictOn(work) === 'cancelled') return closeStep(pool, item, step, outcome);
    await finishItem(pool, item, { step, outcome, applied: appliedBy(context) });
    logger.info({ ...named(item), kind, tier: context.home.tier }, 'a request is done');
    observer.closed(kind, 'done');
    return null;
  }

  async function tell(step: string, { work, home, row, item }: EffectContext, outcome: object): Promise<void> {
    const time = new Date().toISOString();
    const told = {
      tier: home.tier,
      names: homeNames(home.tenantId, home.tier),
      attempt: row.requests.provision?.attempt ?? 1,
      sealed: work.sealed,
      failure: work.item.failure,
      targetVersion: row.target_migration_version,
      details: work.details,
      results: { ...work.results, [step]: outcome },
    };
    const fact = factOfStep(work.item.kind, step, told, time);
    if (fact === undefined) return;
    const origin = { ...item, correlationId: work.correlationId, traceparent: work.traceparent };
    await tellFact(facts, factRecord(origin, step, fact, time));
    onBoundary(`${step}:fact`);
  }

  async function afterTrouble(step: string, hand: Hand<LeasedItem>, work: Work, error: unknown): Promise<Work | null> {
    const { lease: item } = hand;
    const judged = judgeTrouble(hand, error);
    if (judged === undefined) return null;
    const plan = PLANS[work.item.kind];
    const details = { ...named(item), kind: work.item.kind, step, code: judged.code, reason: judged.reason };
    if (judged.kind === 'server') {
      logger.warn(details, 'a step waits until its Postgres server can be used again');
      await postpone(pool, item, { afterMs: LOOK_AGAIN_MS, counts: false, unclear: false, mayStillRun: true });
      return null;
    }
    const unclear = judged.kind === 'unclear';
    const passes = judged.kind === 'passing' && work.tries + 1 < (plan.passingTries?.(judged.code) ?? Infinity);
    if (passes || (unclear && work.unclearTries + 1 < UNCLEAR_TRIES)) {
      logger.warn(details, 'a step failed and is tried again');
      await tryAgain(item, work, unclear);
      return null;
    }
    const resort = plan.resort(step);
    switch (resort) {
      case 'give_up':
        logger.error(details, 'a step failed for good');
        return giveUp(step, item, judged);
      case 'leave_behind':
        logger.error(details, 'a step failed for good');
        return leaveBehind(item);
      case 'insist':
        logger.error(details, 'a step fails that may not be given up: it is tried again');
        await tryAgain(item, work, unclear);
        return null;
      default:
        return resort satisfies never;
    }
  }

  function tryAgain(item: LeasedItem, work: Work, unclear: boolean): Promise<void> {
    return postpone(pool, item, {
      afterMs: backoffMs(work.tries + 1, BACKOFF, Math.random()),
      counts: true,
      unclear,
      mayStillRun: false,
    });
  }

  async function giveUp(step: string, item: LeasedItem, judged: Judged): Promise<Work | null> {
    const { kind: _, ...failure } = judged;
    await recordFailure(pool, item, { step, ...failure });
    return readWork(pool, item);
  }

  /** What could not be undone is told as such; the reconciliation finds it by its comment and has it undone again. */
  function leaveBehind(item: LeasedItem): Promise<Work | null> {
    const outcome: UndoOutcome = { cleanedUp: false };
    return closeStep(pool, item, 'undo', outcome);
  }

  return { perform: (server, item) => underLease(options, server, item, goThrough) };
}

const named = (item: LeasedItem): { tenant_id: string; request_id: string } => ({
  tenant_id: item.tenantId,
  request_id: item.requestId,
});

/** A home is of the tier that was fixed with its credential; before that, of the tier that the directory wants. */
function contextOf(
  { lease: item, server, sessions }: Hand<LeasedItem>,
  work: Work,
  onBoundary: (name: BoundaryName) => void,
): EffectContext {
  const { row } = work;
  if (row === null) throw new TypeError('A step is taken for a tenant without a directory row.');
  const made = work.item.kind === 'provision' ? item.requestId : (row.home_request_id ?? item.requestId);
  const home: Home = { tenantId: item.tenantId, requestId: made, tier: work.intended?.tier ?? row.tier };
  return { item, work, row, home, server, sessions, onBoundary };
}

/** How the logins are treated once a request is done that has set them. */
function appliedBy({ work, row, item }: EffectContext): string | null {
  switch (work.item.kind) {
    case 'provision':
      return fingerprintOf(createdHome(row, item.requestId));
    // Its logins were set as a row wanted that need not be the newest: they are looked at once more when it is over.
    case 'rotate':
      return NOT_KNOWN;
    case 'purge':
    case 'migrate':
    case 'verify_replica':
      return null;
    default:
      return work.item.kind satisfies never;
  }
}
