import { TENANT_ID_PATTERN } from '@ultracore/contracts';
import { eventId, type CommandHandler } from '@ultracore/event-sourcing';
import { ProblemError, type HttpServer, type Principal } from '@ultracore/service';
import type { FastifyReply } from 'fastify';
import type { Pool } from 'pg';
import type { z } from 'zod';
import { rolloutStreamOf } from '../../rollout/codec.ts';
import type { WaveProgress } from '../../rollout/commands.ts';
import { CANARY_SHARE, wholeTiersOf, type Scope } from '../../rollout/plan.ts';
import type { ExistingRollout, RolloutState } from '../../rollout/state.ts';
import type { RequestMemory } from '../../store/idempotency-keys.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';
import { planOverAll, type RolloutCandidates } from '../rollout/planning.ts';
import { inItsTurn, type RolloutCommands } from '../rollout/turn.ts';
import { actorOf } from './access.ts';
import { reasonBody } from './command-bodies.ts';
import { fromCursor, toCursor } from './cursor.ts';
import { keyReused } from './problems.ts';
import { fingerprintOf, requestIdOf } from './request-ids.ts';
import {
  rolloutBody,
  rolloutList,
  rolloutListQuery,
  rolloutParams,
  rolloutPlan,
  rolloutTenantList,
  rolloutTenantsQuery,
  rolloutView,
  type ListedRollout,
  type ListedRolloutTenant,
} from './rollout-schemas.ts';
import { toPlanView, toRolloutView } from './rollout-views.ts';
import { idempotencyHeaders } from './schemas.ts';

export interface RolloutRoutesDeps {
  readonly rollouts: RolloutCommands;
  readonly commands: CommandHandler<TenantState, TenantCommand, TenantEvent>;
  /** Of the registry's own database. */
  readonly pool: Pool;
  readonly memory: RequestMemory;
  readonly reading: {
    readonly candidates: RolloutCandidates;
    readonly progress: (rolloutId: string) => Promise<readonly (WaveProgress & { wave: number })[]>;
    readonly list: (query: { before?: string | undefined; limit: number }) => Promise<ListedRollout[]>;
    readonly tenants: (query: {
      rolloutId: string;
      state?: string | undefined;
      after?: string | undefined;
      limit: number;
    }) => Promise<ListedRolloutTenant[]>;
  };
}

const READERS = ['operator', 'auditor'] as const;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const PLAN = 'POST /v1/rollouts';

/** `/v1/rollouts` and everything below it. */
export function addRolloutRoutes(server: HttpServer, deps: RolloutRoutesDeps): void {
  addPlanRoute(server, deps);
  addEndRoute(server, deps, 'stop', 'Ask no further tenant; those that were asked go on to their end');
  addEndRoute(
    server,
    deps,
    'resume',
    'Go on with a stopped rollout: with those that failed, were skipped, or were not asked yet',
  );
  addReadRoutes(server, deps);
}

/** Who is asked under a key, and whether it was before. Throws 422 for a key that was used otherwise. */
async function requestOf(
  { memory }: RolloutRoutesDeps,
  { principal, route, key, body }: { principal: Principal; route: string; key: string | undefined; body: object },
): Promise<string> {
  const fingerprint = fingerprintOf(body);
  const requestId = requestIdOf(principal.subject, route, key, fingerprint);
  if (key === undefined) return requestId;
  const remembered = await memory.remember({ principal: principal.subject, route, key, fingerprint, tenantId: requestId });
  if (!remembered.same) throw keyReused();
  return requestId;
}

function addPlanRoute(server: HttpServer, deps: RolloutRoutesDeps): void {
  const { rollouts } = deps;
  server.post(
    '/v1/rollouts',
    {
      config: { roles: ['operator'] },
      schema: {
        summary: 'Bring all tenants to a version of the migrations, in waves',
        description: 'With `dry_run` the plan is answered and nothing happens.',
        headers: idempotencyHeaders,
        body: rolloutBody,
        response: { 200: rolloutPlan, 202: rolloutView },
      },
    },
    async (request, reply) => {
      const { body, principal } = request;
      const { target_version: targetVersion, canary = { share: CANARY_SHARE } } = body;
      const wanted = 'share' in canary ? canary : { tenants: canary.tenant_ids };
      const scope = scopeOf(body.only);
      const plan = () => planOverAll(planningOf(deps), targetVersion, wanted, scope);
      if (body.dry_run) return reply.status(200).send(toPlanView(targetVersion, await plan()));
      const rolloutId = await requestOf(deps, { principal, route: PLAN, key: request.headers['idempotency-key'], body });
      const stream = rolloutStreamOf(rolloutId);
      const { state: known } = await rollouts.load(stream);
      if (known.status !== 'none') return accept(reply, deps, known);
      const { waves, leftOut } = await plan();
      const by = actorOf(principal);
      const { reason, concurrency, max_failure_share: maxFailureShare, give_up_after_minutes: giveUpAfterMinutes } = body;
      const limits = { concurrency, maxFailureShare, giveUpAfterMinutes };
      const planned = { rolloutId, targetVersion, reason, ...limits, waves, leftOut, wholeTiers: wholeTiersOf(scope) };
      const { state } = await inItsTurn(deps, rolloutId, () =>
        rollouts.handle(
          stream,
          { type: 'PlanRollout', ...planned, by, now: new Date().toISOString() },
          {
            requestId: rolloutId,
            // What its tenants are asked goes back to it.
            firstEventId: rolloutId,
            metadata: {
              actor: by,
              correlationId: request.correlationId,
              causationId: rolloutId,
              traceparent: request.traceparent,
            },
          },
        ),
      );
      return accept(reply, deps, existing(state));
    },
  );
}

const scopeOf = ({ tiers, tenant_ids: tenants }: z.output<typeof rolloutBody>['only'] & object = {}): Scope => ({
  ...(tiers ? { tiers } : {}),
  ...(tenants ? { tenants } : {}),
});

const planningOf = ({ reading, commands }: RolloutRoutesDeps) => ({ candidates: reading.candidates, commands });

function addEndRoute(server: HttpServer, deps: RolloutRoutesDeps, what: 'stop' | 'resume', summary: string): void {
  const { rollouts } = deps;
  server.post(
    `/v1/rollouts/:rollout_id/${what}`,
    {
      config: { roles: ['operator'] },
      schema: { summary, params: rolloutParams, headers: idempotencyHeaders, body: reasonBody, response: { 202: rolloutView } },
    },
    async (request, reply) => {
      const { body, principal } = request;
      const { rollout_id: rolloutId } = request.params;
      const route = `POST /v1/rollouts/${rolloutId}/${what}`;
      const requestId = await requestOf(deps, { principal, route, key: request.headers['idempotency-key'], body });
      const by = actorOf(principal);
      const command = {
        type: what === 'stop' ? 'StopRollout' : 'ResumeRollout',
        by,
        reason: body.reason,
        now: new Date().toISOString(),
      } as const;
      const decide = () =>
        rollouts.handle(rolloutStreamOf(rolloutId), command, {
          requestId,
          firstEventId: eventId(requestId, 0),
          metadata: { actor: by, correlationId: request.correlationId, causationId: requestId, traceparent: request.traceparent },
        });
      const known = await rollouts.load(rolloutStreamOf(rolloutId));
      // It was decided, and what others have begun since does not take that back.
      if (known.ids.has(eventId(requestId, 0))) return accept(reply, deps, existing(known.state));
      existing(known.state);
      const { state } = await (what === 'stop' ? decide() : inItsTurn(deps, rolloutId, decide));
      return accept(reply, deps, existing(state));
    },
  );
}

function addReadRoutes(server: HttpServer, deps: RolloutRoutesDeps): void {
  const { rollouts, reading } = deps;
  const config = { roles: [...READERS] };
  server.get(
    '/v1/rollouts',
    { config, schema: { summary: 'Rollouts, the newest first', querystring: rolloutListQuery, response: { 200: rolloutList } } },
    async (request) => {
      const { cursor, limit } = request.query;
      const listed = await reading.list({ before: fromCursor(cursor, UUID), limit: limit + 1 });
      const page = listed.slice(0, limit);
      const last = listed.length > limit ? page.at(-1) : undefined;
      return { rollouts: page, next_cursor: last ? toCursor(last.rollout_id) : null };
    },
  );
  server.get(
    '/v1/rollouts/:rollout_id',
    {
      config,
      schema: { summary: 'One rollout: how far it is, wave by wave', params: rolloutParams, response: { 200: rolloutView } },
    },
    async (request) => {
      const { rollout_id: rolloutId } = request.params;
      const { state } = await rollouts.load(rolloutStreamOf(rolloutId));
      return toRolloutView(existing(state), await reading.progress(rolloutId));
    },
  );
  server.get(
    '/v1/rollouts/:rollout_id/tenants',
    {
      config,
      schema: {
        summary: 'How each tenant of a rollout stands, in the order of their ids',
        params: rolloutParams,
        querystring: rolloutTenantsQuery,
        response: { 200: rolloutTenantList },
      },
    },
    async (request) => {
      const { rollout_id: rolloutId } = request.params;
      const { state, cursor, limit } = request.query;
      existing((await rollouts.load(rolloutStreamOf(rolloutId))).state);
      const listed = await reading.tenants({ rolloutId, state, after: fromCursor(cursor, TENANT_ID_PATTERN), limit: limit + 1 });
      const page = listed.slice(0, limit);
      const last = listed.length > limit ? page.at(-1) : undefined;
      return { tenants: page, next_cursor: last ? toCursor(last.tenant_id) : null };
    },
  );
}

function existing(state: RolloutState): ExistingRollout {
  if (state.status !== 'none') return state;
  throw new ProblemError({ status: 404, code: 'rollout_not_found', detail: 'There is no such rollout.' });
}

async function accept(reply: FastifyReply, { reading }: RolloutRoutesDeps, state: ExistingRollout) {
  void reply.status(202).header('location', `/v1/rollouts/${state.rolloutId}`);
  return toRolloutView(state, await reading.progress(state.rolloutId));
}
