import type { CommandHandler, EventStore } from '@ultracore/event-sourcing';
import type { Authenticator, HttpServer } from '@ultracore/service';
import type { Pool } from 'pg';
import type { BoundaryName } from '../../boundaries.ts';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { TenantEvent } from '../../tenant/events.ts';
import type { TenantState } from '../../tenant/state.ts';
import type { Creation } from '../creation.ts';
import { createRequestMemory } from '../../store/idempotency-keys.ts';
import type { Servers } from '../servers.ts';
import { addCreateRoute } from './create-route.ts';
import type { News } from './live/news.ts';
import { addLifecycleRoutes } from './lifecycle-routes.ts';
import { addReadRoutes, type DescribeEvent, type ListTenants } from './read-routes.ts';
import { addSettingsRoutes } from './settings-routes.ts';
import { addWorkRoutes } from './work-routes.ts';

export interface TenantRoutesDeps {
  readonly commands: CommandHandler<TenantState, TenantCommand, TenantEvent>;
  readonly store: EventStore;
  /** Of the registry's own database. */
  readonly pool: Pool;
  readonly creation: Creation;
  readonly servers: Servers;
  readonly listTenants: ListTenants;
  readonly describeEvent: DescribeEvent;
  readonly news: News;
  readonly authenticator: Pick<Authenticator, 'authenticate'>;
  readonly heartbeatMs?: number;
  readonly onBoundary: (name: BoundaryName) => void;
}

/** `/v1/tenants` and everything below it. */
export function addTenantRoutes(server: HttpServer, deps: TenantRoutesDeps): void {
  const commandDeps = { ...deps, memory: createRequestMemory(deps.pool) };
  addCreateRoute(server, commandDeps);
  addLifecycleRoutes(server, commandDeps);
  addWorkRoutes(server, commandDeps);
  addSettingsRoutes(server, commandDeps);
  addReadRoutes(server, deps);
}
