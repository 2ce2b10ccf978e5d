import { CONFIG_KEYS } from '@ultracore/contracts';
import type { HttpServer } from '@ultracore/service';
import { addCommandRoute, type CommandDeps } from './command-route.ts';
import { configBody, emptyBody, grantBody, poolBody, scaleBody } from './command-bodies.ts';
import type { ExistingTenant } from '../../tenant/state.ts';

/** What a tenant may use, how it behaves, and who may use it. */
export function addSettingsRoutes(server: HttpServer, deps: CommandDeps): void {
  const budgetOf = ({ dbHost: host, dbPort: port }: ExistingTenant) => deps.servers.budgetOf({ host, port });

  addCommandRoute(server, deps, {
    method: 'PATCH',
    path: '/config',
    summary: 'Change the configuration of a tenant: all keys that are given, or none',
    body: configBody,
    command: ({ common, body }) => {
      const changes = CONFIG_KEYS.flatMap((key) => {
        const value = body[key];
        return value === undefined ? [] : [{ key, value }];
      });
      return { type: 'ConfigureTenant', changes, ...common };
    },
  });
  addCommandRoute(server, deps, {
    method: 'PUT',
    path: '/pool',
    summary: 'Resize the connection pool of a tenant',
    body: poolBody,
    command: ({ common, body, tenant }) => ({
      type: 'ResizePool',
      minConnections: body.min_connections,
      maxConnections: body.max_connections,
      reason: body.reason,
      connectionBudget: budgetOf(tenant),
      ...common,
    }),
  });
  addCommandRoute(server, deps, {
    method: 'POST',
    path: '/scale',
    summary: 'Scale a resource of a tenant up or down',
    body: scaleBody,
    command: ({ common, body, tenant }) => ({
      type: 'ScaleTenant',
      resourceType: body.resource_type,
      newLimit: body.new_limit,
      reason: body.reason,
      recommendationId: body.recommendation_id ?? null,
      connectionBudget: budgetOf(tenant),
      ...common,
    }),
  });
  addCommandRoute(server, deps, {
    method: 'PUT',
    path: '/grants/:user_id',
    summary: 'Give a user access to a tenant, in a role: owner and developer read and write, analyst and auditor read',
    body: grantBody,
    command: ({ common, body, userId }) => ({ type: 'GrantAccess', userId, role: body.role, ...common }),
  });
  addCommandRoute(server, deps, {
    method: 'DELETE',
    path: '/grants/:user_id',
    summary: 'Take the access of a user away',
    body: emptyBody,
    command: ({ common, userId }) => ({ type: 'RevokeAccess', userId, ...common }),
  });
}
