import { eventId, type CommandHandler } from '@ultracore/event-sourcing';
import type { HttpServer } from '@ultracore/service';
import type { z } from 'zod';
import type { BoundaryName } from '../../boundaries.ts';
import type { RequestMemory } from '../../store/idempotency-keys.ts';
import { streamOf } from '../../tenant/codec.ts';
import type { ExistingTenantCommand, TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { ExistingTenant, TenantState } from '../../tenant/state.ts';
import type { Servers } from '../servers.ts';
import { actorOf } from './access.ts';
import { accepted, answer, causedBy } from './answer.ts';
import { userId } from './command-bodies.ts';
import { keyReused, notFound } from './problems.ts';
import { fingerprintOf, requestIdOf } from './request-ids.ts';
import { conditionalHeaders, tenantParams } from './schemas.ts';

export interface CommandDeps {
  readonly commands: CommandHandler<TenantState, TenantCommand, TenantEvent>;
  readonly memory: RequestMemory;
  readonly servers: Servers;
  readonly onBoundary: (name: BoundaryName) => void;
}

/** What every command about a tenant says. */
interface Common {
  readonly by: string;
  readonly now: string;
  readonly ifMatch?: number;
}

/** What a command is made of. */
export interface Asked<Body> {
  readonly body: Body;
  readonly common: Common;
  /** The id that the event which asks will have, for commands that ask for work. */
  readonly requestId: string;
  /** Of the path, where that names a user; else empty. */
  readonly userId: string;
  readonly tenant: ExistingTenant;
}

export interface CommandRoute<Body extends z.ZodType> {
  readonly method: 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/v1/tenants/{tenant_id}`. */
  readonly path: string;
  readonly summary: string;
  readonly body: Body;
  /** May throw `CommandRefused` or a `ProblemError`. */
  readonly command: (asked: Asked<z.output<Body>>) => ExistingTenantCommand | Promise<ExistingTenantCommand>;
}

const userParams = tenantParams.extend({ user_id: userId.optional() });

/**
 * A route by which an operator decides something about a tenant that exists. The same request under the same `Idempotency-Key` is decided
 * once; another one under that key is refused.
 */
export function addCommandRoute<Body extends z.ZodType>(server: HttpServer, deps: CommandDeps, route: CommandRoute<Body>): void {
  const { commands, memory, onBoundary } = deps;
  const params = route.path.endsWith('/:user_id') ? tenantParams.extend({ user_id: userId }) : tenantParams;
  server.route({
    method: route.method,
    url: `/v1/tenants/:tenant_id${route.path}`,
    config: { roles: ['operator'] },
    schema: {
      summary: route.summary,
      params,
      headers: conditionalHeaders,
      ...(route.method === 'DELETE' ? {} : { body: route.body }),
      response: accepted,
    },
    handler: async (request, reply) => {
      // Checked by the schemas above; a DELETE has no body, and its schema takes that.
      const { tenant_id: tenantId, user_id: user = '' } = userParams.parse(request.params);
      const body = route.body.parse(request.method === 'DELETE' ? undefined : request.body);
      const key = request.headers['idempotency-key'];
      const name = `${route.method} /v1/tenants/${tenantId}${route.path.replace(':user_id', user)}`;
      const { subject } = request.principal;
      const keyed = key === undefined ? undefined : { key, fingerprint: fingerprintOf({ body }) };
      if (keyed) {
        const remembered = await memory.remember({ principal: subject, route: name, ...keyed, tenantId });
        if (!remembered.same) throw keyReused();
      }
      const requestId = requestIdOf(subject, name, key, keyed?.fingerprint);
      const { state, ids } = await commands.load(streamOf(tenantId));
      if (state.status === 'none') throw notFound();
      // It was decided: whatever the configuration, or others, say since does not take that back.
      if (ids.has(eventId(requestId, 0))) return answer(reply, state);
      const common = {
        by: actorOf(request.principal),
        now: new Date().toISOString(),
        ...condition(request.headers['if-match']),
      };
      const command = await route.command({ body, common, requestId: eventId(requestId, 0), userId: user, tenant: state });
      onBoundary('append:before');
      const { state: after } = await commands.handle(streamOf(tenantId), command, causedBy(request, requestId));
      onBoundary('append:after');
      return answer(reply, after);
    },
  });
}

/** `*` asks only that there be a tenant, which every command does by itself. */
const condition = (ifMatch: string | undefined): { ifMatch?: number } =>
  ifMatch === undefined || ifMatch === '*' ? {} : { ifMatch: Number(ifMatch.slice(1, -1)) };
