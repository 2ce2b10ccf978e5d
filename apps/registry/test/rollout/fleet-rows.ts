import type { RolloutProgress } from '../../src/inbound/rollout/executor.ts';
import type { Change } from '../../src/readmodel/rollout-changes.ts';
import { migrationIdOf } from '../../src/rollout/ask.ts';
import type { WaveProgress } from '../../src/rollout/commands.ts';
import type { Tier } from '../../src/tenant/facts.ts';

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
  askedAt: string | null;
  endedAt: string | null;
  revision: number;
}

/** What the projection keeps in Postgres, in memory: the same changes, the same answers. */
export function createRows() {
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
        row.askedAt = change.at;
        return;
      }
      case 'ended': {
        const row = rows.get(change.tenantId);
        if (row?.requestId !== change.requestId || row.state === 'waiting' || row.state === 'done') return;
        if (row.state !== 'running' && change.failure) return;
        row.endedAt = change.at ?? row.endedAt;
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
              askedAt: null,
              endedAt: null,
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
    waiting: ({ tenantIds }) =>
      Promise.resolve(all().filter(({ tenantId, state }) => state === 'waiting' && tenantIds.includes(tenantId))),
    overdue: ({ askedBefore, limit }) =>
      Promise.resolve(
        all()
          .filter(({ server }) =>
            all().every((row) => row.server !== server || row.endedAt === null || row.endedAt < askedBefore),
          )
          .flatMap(({ state, askedAt, requestId, ...row }) =>
            state === 'running' && askedAt !== null && askedAt < askedBefore && requestId !== null ? [{ ...row, requestId }] : [],
          )
          .slice(0, limit),
      ),
    toAsk({ wave, concurrency, asked, limit }) {
      const taken = all().filter(
        ({ state, tenantId }) => state === 'running' || (state === 'waiting' && asked.includes(tenantId)),
      );
      const next = all().filter((row) => row.state === 'waiting' && row.wave <= wave && !taken.includes(row) && mayAsk(row));
      const share = Math.ceil(concurrency / new Set([...taken, ...next].map(({ server }) => server)).size);
      const open = new Map([...Map.groupBy(taken, ({ server }) => server)].map(([server, each]) => [server, each.length]));
      const within = next.filter(({ server }) => {
        open.set(server, (open.get(server) ?? 0) + 1);
        return (open.get(server) ?? 0) <= share;
      });
      return Promise.resolve(within.slice(0, limit));
    },
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
