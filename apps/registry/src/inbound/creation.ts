import { TIER_DEFAULTS, type TenantSettings, type Tier } from '@ultracore/contracts';
import { CommandRefused } from '@ultracore/event-sourcing';
import type { CreateTenant } from '../tenant/commands.ts';
import { fromSettingsRow } from '../tenant/row.ts';
import { choosePlacement, type PlacementServer } from './placement.ts';

/** Settings as they come from outside; what is left out is filled in. */
export type WantedSettings = { readonly [Key in keyof TenantSettings]?: TenantSettings[Key] | undefined };

/** What somebody asks for who wants a new tenant. */
interface WantedTenant {
  readonly tenantId: string;
  readonly tenantName: string;
  readonly tier: Tier;
  readonly ownerEmail: string;
  readonly createdBy: string;
  readonly settings: WantedSettings;
  /** Name of the server it must be placed on. */
  readonly server?: string | undefined;
}

/** Nothing where the home is to be made of all the migrations that there are. */
type HomeVersion = { readonly migrationVersion?: string };

export interface Creation {
  /**
   * The command with its placement, its version and every setting resolved: the caller's, else the deployment's, else the tier's.
   * Throws `CommandRefused` `unknown_server`.
   */
  readonly command: (wanted: WantedTenant, at: { readonly requestId: string; readonly now: string }) => Promise<CreateTenant>;
  /** What a home is to be made of now. */
  readonly version: (tier: Tier) => Promise<HomeVersion>;
}

/**
 * `servers` is not empty; `defaults` are the deployment's and replace the tiers' values; `provenVersion` is what a rollout has shown to be
 * good for a tier, if any has.
 */
export function createCreation({
  servers,
  defaults,
  provenVersion,
}: {
  servers: readonly PlacementServer[];
  defaults: WantedSettings;
  provenVersion: (tier: Tier) => Promise<string | undefined>;
}): Creation {
  const place = (tenantId: string, name: string | undefined): PlacementServer => {
    if (name === undefined) return choosePlacement(servers, tenantId);
    const server = servers.find((candidate) => candidate.name === name);
    if (!server) throw new CommandRefused('unknown_server', `There is no server named "${name}".`);
    return server;
  };
  const version = async (tier: Tier): Promise<HomeVersion> => {
    const migrationVersion = await provenVersion(tier);
    return migrationVersion === undefined ? {} : { migrationVersion };
  };
  return {
    version,
    command: async ({ server, settings, ...wanted }, { requestId, now }) => ({
      ...wanted,
      type: 'CreateTenant',
      requestId,
      now,
      placement: place(wanted.tenantId, server),
      settings: fromSettingsRow(resolveSettings(wanted.tier, defaults, settings)),
      ...(await version(wanted.tier)),
    }),
  };
}

/** A default minimum never exceeds a maximum that was asked for: a caller who lowers only the maximum lowers both. */
function resolveSettings(tier: Tier, defaults: WantedSettings, wanted: WantedSettings): TenantSettings {
  const resolved = { ...TIER_DEFAULTS[tier], ...present(defaults), ...present(wanted) };
  if (wanted.min_connections !== undefined) return resolved;
  return { ...resolved, min_connections: Math.min(resolved.min_connections, resolved.max_connections) };
}

const present = (settings: WantedSettings): Partial<TenantSettings> =>
  Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
