import { checkTenantId, type MessageOf } from '@ultracore/contracts';
import { CommandRefused, eventId } from '@ultracore/event-sourcing';
import type { TenantCommand } from '../../tenant/commands.ts';
import type { ConfigKey } from '../../tenant/settings.ts';
import type { ExistingTenant } from '../../tenant/state.ts';
import type { Creation } from '../creation.ts';
import { configBody, scaleBody } from '../http/command-bodies.ts';
import { wantedSettings } from '../http/schemas.ts';
import type { Servers } from '../servers.ts';

type Request = MessageOf<'TenantCommandRequestedEvent'>;
export type RequestName = Request['command']['name'];

/** What there is to be asked for, where it can be found. */
export const REQUEST_NAMES = [
  'create',
  'configure',
  'resize',
  'scale',
  'suspend',
  'reactivate',
  'terminate',
  'retry',
  'rotate',
  'migrate',
  'add_replica',
  'remove_replica',
] as const satisfies readonly RequestName[];

/** What commands depend on of the tenant they are about; null for one that is not there. */
export type Known = Pick<ExistingTenant, 'dbHost' | 'dbPort' | 'tier'> | null;

/** The command that a request asks for. Throws `CommandRefused` for what no tenant could be asked. */
export async function toCommand(
  { command, tenant_id: tenantId, request_id: request, requested_by: by }: Request,
  { creation, servers, tenant, now }: { creation: Creation; servers: Servers; tenant: Known; now: string },
): Promise<TenantCommand> {
  const common = { by, now };
  const requestId = eventId(request, 0);
  const address = tenant && { host: tenant.dbHost, port: tenant.dbPort };
  const connectionBudget = address === null ? null : servers.budgetOf(address);
  switch (command.name) {
    case 'create': {
      const checked = checkTenantId(tenantId);
      if (!checked.ok) throw new CommandRefused(checked.code, checked.detail);
      const { settings = {} } = command;
      valid(wantedSettings.safeParse(settings), 'settings');
      const { tenant_name: tenantName, tier, owner_email: ownerEmail } = command;
      return creation.command({ tenantId, tenantName, tier, ownerEmail, createdBy: by, settings }, { requestId, now });
    }
    case 'configure': {
      const key: ConfigKey = command.config_key;
      const value = valid(configBody.safeParse({ [key]: command.new_value }), key)[key];
      return { type: 'ConfigureTenant', changes: value === undefined ? [] : [{ key, value }], ...common };
    }
    case 'resize': {
      const { min_connections: minConnections, max_connections: maxConnections, reason } = command;
      return { type: 'ResizePool', minConnections, maxConnections, reason, connectionBudget, ...common };
    }
    case 'scale': {
      const { resource_type: resourceType, new_limit: newLimit, reason } = command;
      valid(scaleBody.safeParse({ resource_type: resourceType, new_limit: newLimit, reason }), 'new_limit');
      return { type: 'ScaleTenant', resourceType, newLimit, reason, recommendationId: null, connectionBudget, ...common };
    }
    case 'suspend':
      return { type: 'SuspendTenant', reason: command.reason, ...common };
    case 'reactivate':
      return { type: 'ReactivateTenant', ...common };
    case 'terminate':
      return {
        type: 'TerminateTenant',
        reason: command.reason,
        dataRetentionDays: command.data_retention_days,
        ...common,
      };
    case 'retry':
      return { type: 'RetryProvisioning', requestId, ...(tenant && (await creation.version(tenant.tier))), ...common };
    case 'rotate':
      return { type: 'RotatePassword', requestId, reason: command.reason, ...common };
    case 'migrate':
      return { type: 'MigrateTenant', requestId, targetVersion: command.target_version, rolloutId: requestId, ...common };
    case 'add_replica': {
      const standby = { host: command.readonly_db_host, port: command.readonly_db_port };
      if (address !== null) servers.checkStandby(address, standby);
      return { type: 'AddReadReplica', requestId, ...standby, ...common };
    }
    case 'remove_replica':
      return { type: 'RemoveReadReplica', ...common };
    default:
      return command satisfies never;
  }
}

interface Parsed<Value> {
  readonly data?: Value | undefined;
  readonly error?: { readonly issues: readonly { readonly message: string }[] } | undefined;
}

function valid<Value>({ data, error }: Parsed<Value>, field: string): Value {
  if (error === undefined && data !== undefined) return data;
  throw new CommandRefused(
    'invalid_value',
    `${field}: ${error?.issues.map(({ message }) => message).join('; ') ?? 'is not valid'}`,
  );
}
