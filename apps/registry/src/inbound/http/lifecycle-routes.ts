import type { HttpServer } from '@ultracore/service';
import { ProblemError } from '@ultracore/service';
import { addCommandRoute, type CommandDeps } from './command-route.ts';
import { emptyBody, purgeBody, reasonBody, terminateBody } from './command-bodies.ts';
import type { Creation } from '../creation.ts';

/** For which the data of a terminated tenant is kept when nobody says otherwise. */
const DEFAULT_RETENTION_DAYS = 30;

/** From retrying a creation to the purge. */
export function addLifecycleRoutes(server: HttpServer, deps: CommandDeps & { readonly creation: Creation }): void {
  addCommandRoute(server, deps, {
    method: 'POST',
    path: '/retry',
    summary: 'Provision a tenant once more whose provisioning failed, or has not ended in fifteen minutes',
    body: emptyBody,
    command: async ({ common, requestId, tenant }) => ({
      type: 'RetryProvisioning',
      requestId,
      ...(await deps.creation.version(tenant.tier)),
      ...common,
    }),
  });
  addCommandRoute(server, deps, {
    method: 'POST',
    path: '/suspend',
    summary: 'Suspend a tenant: its statements are ended and its logins closed, its data stays',
    body: reasonBody,
    command: ({ common, body }) => ({ type: 'SuspendTenant', reason: body.reason, ...common }),
  });
  addCommandRoute(server, deps, {
    method: 'POST',
    path: '/reactivate',
    summary: 'Let a suspended tenant work again',
    body: emptyBody,
    command: ({ common }) => ({ type: 'ReactivateTenant', ...common }),
  });
  addCommandRoute(server, deps, {
    method: 'POST',
    path: '/terminate',
    summary: 'Terminate a tenant: its logins are closed at once, its data is kept for the retention time and then purged',
    body: terminateBody,
    command: ({ common, body }) => ({
      type: 'TerminateTenant',
      reason: body.reason,
      dataRetentionDays: body.data_retention_days ?? DEFAULT_RETENTION_DAYS,
      ...common,
    }),
  });
  addCommandRoute(server, deps, {
    method: 'POST',
    path: '/purge',
    summary: 'Remove everything of a terminated tenant, for ever',
    body: purgeBody,
    command: ({ common, body, requestId, tenant }) => {
      if (body.confirm !== tenant.tenantId) throw notConfirmed();
      return { type: 'PurgeTenant', requestId, reason: body.reason, early: body.before_retention_ends ?? false, ...common };
    },
  });
  addCommandRoute(server, deps, {
    method: 'PUT',
    path: '/legal-hold',
    summary: 'Place a legal hold: the tenant cannot be purged until it is released',
    body: reasonBody,
    command: ({ common, body }) => ({ type: 'PlaceLegalHold', reason: body.reason, ...common }),
  });
  addCommandRoute(server, deps, {
    method: 'POST',
    path: '/legal-hold/release',
    summary: 'Release the legal hold',
    body: reasonBody,
    command: ({ common, body }) => ({ type: 'ReleaseLegalHold', reason: body.reason, ...common }),
  });
}

const notConfirmed = (): ProblemError =>
  new ProblemError({
    status: 422,
    code: 'purge_not_confirmed',
    detail: 'A purge cannot be undone. Repeat the id of the tenant in `confirm`.',
    field: 'confirm',
  });
