import { createHash } from 'node:crypto';

/** A Postgres server that tenants can be placed on. */
export interface PlacementServer {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Connections it can give in all. */
  readonly connectionBudget: number;
  /** Where its data is replicated to: reads of its tenants may go there. */
  readonly standbys: readonly { readonly host: string; readonly port: number }[];
}

/**
 * The server a new tenant is placed on: by weighted rendezvous hashing of its id (the logarithm method), so that servers fill in
 * proportion to their budgets without anybody keeping count, and the same id is always given the same answer. `servers` is not empty.
 */
export function choosePlacement(servers: readonly PlacementServer[], tenantId: string): PlacementServer {
  const [only] = servers;
  if (only && servers.length === 1) return only;
  const scored = servers.map((server) => ({ server, score: scoreOf(server, tenantId) }));
  const best = scored.reduce((a, b) => (b.score > a.score ? b : a));
  return best.server;
}

function scoreOf(server: PlacementServer, tenantId: string): number {
  const hash = createHash('sha256').update(`${server.name}/${tenantId}`).digest();
  const uniform = (hash.readUIntBE(0, 6) + 0.5) / 2 ** 48;
  return -server.connectionBudget / Math.log(uniform);
}
