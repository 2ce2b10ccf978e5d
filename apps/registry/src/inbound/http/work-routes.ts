import type { HttpServer } from '@ultracore/service';
import { addCommandRoute, type CommandDeps } from './command-route.ts';
import { emptyBody, migrateBody, reasonBody, replicaBody } from './command-bodies.ts';

/** What the worker is asked to do to a tenant's home. */
export function addWorkRoutes(server: HttpServer, deps: CommandDeps): void {
  addCommandRoute(server, deps, {
    method: 'POST',
    path: '/rotate',
    summary: 'Give both logins of a tenant new passwords, without a failed query',
    body: reasonBody,
    command: ({ common, body, requestId }) => ({ type: 'RotatePassword', requestId, reason: body.reason, ...common }),
  });
  addCommandRoute(server, deps, {
    method: 'POST',
    path: '/migrate',
    summary: 'Bring the home of a tenant to a version of the migrations',
    body: migrateBody,
    command: ({ common, body, requestId }) => ({
      type: 'MigrateTenant',
      requestId,
      targetVersion: body.target_version,
      // Of one tenant: only the registry itself asks in the name of a rollout.
      rolloutId: requestId,
      ...common,
    }),
  });
  addCommandRoute(server, deps, {
    method: 'POST',
    path: '/migrate/cancel',
    summary: 'Wait no more for the open migration of a tenant; what was done of it stays',
    body: reasonBody,
    command: ({ common, body }) => ({ type: 'CancelMigration', code: 'operator', reason: body.reason, ...common }),
  });
  addCommandRoute(server, deps, {
    method: 'PUT',
    path: '/replica',
    summary: 'Let the reads of a tenant go to a standby of its server, once that has been verified',
    body: replicaBody,
    command: ({ common, body, requestId, tenant }) => {
      const standby = { host: body.readonly_db_host, port: body.readonly_db_port };
      deps.servers.checkStandby({ host: tenant.dbHost, port: tenant.dbPort }, standby);
      return { type: 'AddReadReplica', requestId, ...standby, ...common };
    },
  });
  addCommandRoute(server, deps, {
    method: 'DELETE',
    path: '/replica',
    summary: 'Let the reads of a tenant go to its server again',
    body: emptyBody,
    command: ({ common }) => ({ type: 'RemoveReadReplica', ...common }),
  });
}
