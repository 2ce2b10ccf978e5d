import type { Queryable } from '@ultracore/postgres';
import { migrationIdOf } from '../rollout/ask.ts';
import type { RolloutEvent, Wave } from '../rollout/events.ts';
import type { Change } from './rollout-changes.ts';

type Of<Kind extends Change['change']> = Extract<Change, { change: Kind }>;

/**
 * Applies changes in the order of the log. `client` is in a transaction, with whatever says how far the log was read. What was applied
 * before changes nothing: a tenant's row by its revision, a rollout and what its own events say by the rollout's.
 */
export async function applyChanges(client: Queryable, changes: readonly Change[]): Promise<void> {
  // Whatever comes first among the changes: who locks all of these tables, as a rebuild does, begins with this one.
  await client.query('lock table rollouts in row exclusive mode');
  let pending: Exclude<Change, { change: 'rollout' }>[] = [];
  const flush = async (): Promise<void> => {
    await applyToTenants(client, pending);
    pending = [];
  };
  for (const change of changes) {
    if (change.change !== 'rollout') {
      pending.push(change);
      continue;
    }
    await flush();
    await applyToRollout(client, change);
  }
  await flush();
}

/** Of each tenant a rollout has asked at most once among these: it asks anew when it was resumed, which is applied in between. */
async function applyToTenants(client: Queryable, changes: readonly Exclude<Change, { change: 'rollout' }>[]): Promise<void> {
  const asked: Of<'asked'>[] = [];
  const ended: Of<'ended'>[] = [];
  const cancelled: Of<'cancelled'>[] = [];
  for (const change of changes) {
    if (change.change === 'asked') asked.push(change);
    else if (change.change === 'ended') ended.push(change);
    else cancelled.push(change);
  }
  if (asked.length > 0) await applyAsked(client, asked);
  if (ended.length > 0) await applyEnded(client, ended);
  if (cancelled.length > 0) await applyCancelled(client, cancelled);
}

/** Only what the rollout itself asked, of whom it was waiting for. */
async function applyAsked(client: Queryable, changes: readonly Of<'asked'>[]): Promise<void> {
  const waiting = await attemptsOf(client, changes);
  const rows = changes.flatMap(({ rolloutId, tenantId, requestId, revision, at }) => {
    const attempt = waiting.get(`${rolloutId} ${tenantId}`);
    const isOurs = attempt !== undefined && requestId === migrationIdOf(rolloutId, { tenantId, attempt });
    return isOurs ? [[rolloutId, tenantId, requestId, revision, at]] : [];
  });
  if (rows.length === 0) return;
  await client.query(
    `update rollout_tenants as known
     set state = 'running', request_id = (new.row->>2)::uuid, code = null, reason = null, revision = (new.row->>3)::bigint,
         asked_at = (new.row->>4)::timestamptz
     from json_array_elements($1) as new(row)
     where known.rollout_id = (new.row->>0)::uuid and known.tenant_id = new.row->>1 and known.state = 'waiting'
       and known.revision < (new.row->>3)::bigint`,
    [JSON.stringify(rows)],
  );
}

/** Of those that wait, by rollout and tenant. */
async function attemptsOf(client: Queryable, changes: readonly Of<'asked'>[]): Promise<Map<string, number>> {
  const result = await client.query<{ name: string; attempt: number }>(
    `select rollout_id || ' ' || tenant_id as name, attempt from rollout_tenants
     join unnest($1::uuid[], $2::text[]) as asked(rollout_id, tenant_id) using (rollout_id, tenant_id) where state = 'waiting'`,
    [changes.map(({ rolloutId }) => rolloutId), changes.map(({ tenantId }) => tenantId)],
  );
  return new Map(result.rows.map(({ name, attempt }) => [name, attempt]));
}

async function applyEnded(client: Queryable, changes: readonly Of<'ended'>[]): Promise<void> {
  // One that was cancelled may be completed all the same.
  const last = new Map<string, Of<'ended'>>();
  for (const change of changes) if (change.failure === null || !last.has(change.requestId)) last.set(change.requestId, change);
  const rows = [...last.values()].map(({ requestId, revision, failure, at }) => [
    requestId,
    revision,
    failure?.code,
    failure?.reason,
    failure?.state ?? 'done',
    at,
  ]);
  await client.query(
    `update rollout_tenants as known
     set state = new.row->>4, code = new.row->>2, reason = new.row->>3,
         revision = (new.row->>1)::bigint, ended_at = coalesce((new.row->>5)::timestamptz, known.ended_at)
     from json_array_elements($1) as new(row)
     where known.request_id = (new.row->>0)::uuid and known.revision < (new.row->>1)::bigint
       and (known.state = 'running' or known.state in ('failed', 'skipped') and new.row->>4 = 'done')`,
    [JSON.stringify(rows)],
  );
}

async function applyCancelled(client: Queryable, changes: readonly Of<'cancelled'>[]): Promise<void> {
  const rows = changes.map(({ tenantId, revision, code }) => [tenantId, revision, code]);
  await client.query(
    `update rollout_tenants as known set state = 'skipped', code = new.row->>2, revision = (new.row->>1)::bigint
     from json_array_elements($1) as new(row)
     where known.tenant_id = new.row->>0 and known.state = 'running' and known.revision < (new.row->>1)::bigint`,
    [JSON.stringify(rows)],
  );
}

async function applyToRollout(client: Queryable, { rolloutId, event, revision }: Of<'rollout'>): Promise<void> {
  if (event.type === 'RolloutPlanned') return insertRollout(client, event.data);
  const moved = await client.query(
    `update rollouts set status = coalesce($3, status), attempt = coalesce($4, attempt), wave = coalesce($5, wave), revision = $2
     where rollout_id = $1 and revision < $2`,
    [rolloutId, revision, ...Object.values(moveOf(event))],
  );
  if (moved.rowCount === 0) return;
  if (event.type === 'TenantsSkipped') await skipTenants(client, rolloutId, event.data.tenants);
  if (event.type === 'RolloutResumed') await askAgain(client, rolloutId, event.data.attempt);
}

function moveOf(
  event: Exclude<RolloutEvent, { type: 'RolloutPlanned' }>,
): Record<'status' | 'attempt' | 'wave', string | number | null> {
  const nothing = { status: null, attempt: null, wave: null };
  switch (event.type) {
    case 'WaveStarted':
      return { ...nothing, wave: event.data.wave };
    case 'RolloutStopped':
      return { ...nothing, status: 'stopped' };
    case 'RolloutResumed':
      return { ...nothing, status: 'running', attempt: event.data.attempt };
    case 'RolloutCompleted':
      return { ...nothing, status: 'completed' };
    case 'TenantsSkipped':
      return nothing;
    default:
      return event satisfies never;
  }
}

async function insertRollout(client: Queryable, data: Extract<RolloutEvent, { type: 'RolloutPlanned' }>['data']): Promise<void> {
  const { rolloutId, targetVersion, reason, plannedBy, plannedAt, waves, wholeTiers = [] } = data;
  await client.query(
    `insert into rollouts (rollout_id, target_version, reason, status, attempt, wave, planned_by, planned_at, revision, whole_tiers)
     values ($1, $2, $3, 'running', 1, 0, $4, $5, 0, $6) on conflict (rollout_id) do nothing`,
    [rolloutId, targetVersion, reason, plannedBy, plannedAt, wholeTiers],
  );
  await client.query(
    `insert into rollout_tenants (rollout_id, tenant_id, wave, place, tier, server, state, attempt, revision)
     select $1, new.row->>0, (new.row->>1)::int, (new.row->>2)::int, new.row->>3, new.row->>4, 'waiting', 1, -1
     from json_array_elements($2) as new(row) on conflict (rollout_id, tenant_id) do nothing`,
    [rolloutId, JSON.stringify(waves.flatMap(placesOf))],
  );
}

/** The groups of a wave take turns, so that all of its servers have something to do. */
const placesOf = ({ groups }: Wave, wave: number): (string | number)[][] =>
  groups.flatMap(({ tier, server, tenants }, group) =>
    tenants.map((tenantId, n) => [tenantId, wave, n * groups.length + group, tier, server]),
  );

async function skipTenants(
  client: Queryable,
  rolloutId: string,
  tenants: readonly { tenantId: string; code: string }[],
): Promise<void> {
  await client.query(
    `update rollout_tenants as known set state = 'skipped', code = new.code
     from unnest($2::text[], $3::text[]) as new(tenant_id, code)
     where known.rollout_id = $1 and known.tenant_id = new.tenant_id and known.state = 'waiting'`,
    [rolloutId, tenants.map(({ tenantId }) => tenantId), tenants.map(({ code }) => code)],
  );
}

async function askAgain(client: Queryable, rolloutId: string, attempt: number): Promise<void> {
  await client.query(
    `update rollout_tenants set state = 'waiting', attempt = $2, code = null, reason = null
     where rollout_id = $1 and state in ('failed', 'skipped')`,
    [rolloutId, attempt],
  );
}

/** For a rebuild, which keeps the projector out: everything is applied anew, from the beginning of the log. */
export async function forgetRollouts(client: Queryable): Promise<void> {
  await client.query('delete from rollouts; delete from rollout_tenants');
}
