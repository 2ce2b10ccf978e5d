import type { TenantLogin } from '../registration.ts';
import type { PoolContext } from './context.ts';
import type { RoleCounters } from './counters.ts';
import type { ServerBudget } from './server-budget.ts';
import type { Tenant } from './tenant.ts';

export type PoolRole = 'readwrite' | 'readonly' | 'replica';

export interface LoginPoolOptions {
  readonly context: PoolContext;
  readonly tenant: Tenant;
  readonly role: PoolRole;
  readonly server: ServerBudget;
  readonly database: string;
  readonly login: TenantLogin;
  readonly counters: RoleCounters;
}
