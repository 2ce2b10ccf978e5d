import { CommandRefused } from '@ultracore/event-sourcing';
import type { PlacementServer } from './placement.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

/** What is known of the servers that tenants already live on. */
export interface Servers {
  /** Connections the server at an address can give in all; null when it is no longer in the list. */
  readonly budgetOf: (address: Address) => number | null;
  /** Throws `CommandRefused` `unknown_standby` unless `standby` is one of the server's. */
  readonly checkStandby: (server: Address, standby: Address) => void;
}

export function createServers(servers: readonly PlacementServer[]): Servers {
  const at = ({ host, port }: Address): PlacementServer | undefined =>
    servers.find((server) => server.host === host && server.port === port);
  return {
    budgetOf: (address) => at(address)?.connectionBudget ?? null,
    checkStandby(address, { host, port }) {
      const standbys = at(address)?.standbys ?? [];
      if (standbys.some((standby) => standby.host === host && standby.port === port)) return;
      throw new CommandRefused(
        'unknown_standby',
        `${host}:${port} is not among the standbys of the tenant's server: they are listed in POSTGRES_SERVERS_FILE.`,
      );
    },
  };
}
