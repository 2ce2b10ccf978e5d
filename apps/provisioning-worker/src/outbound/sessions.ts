import type { Connection } from '@ultracore/tenant-database';
import type { AdminConnection } from './server.ts';

/** The lease ran out or somebody else has it: nothing more may be done under it. */
export class LeaseLostError extends Error {
  override readonly name = 'LeaseLostError';
}

/** The `application_name` of every session opened under a lease: by it the next holder finds and ends them. */
export const sessionName = (token: string): string => `ultracore-worker lease ${token}`;

export interface Sessions {
  /** A session in a database, the same one each time, on which statements may be sent under the lease. */
  get(database: string): Promise<Connection>;
  /** Ends the session in one database, so that it can be dropped. */
  end(database: string): Promise<void>;
  /** Ends every session without waiting for anything. */
  destroy(): void;
  /** Gives connections back for the next tenant. */
  giveBack(): Promise<void>;
}

export interface SessionOptions {
  readonly connect: (database: string) => Promise<AdminConnection>;
  readonly token: string;
  /** Whether the lease is still held, asked of the bookkeeping. */
  readonly isHeld: () => Promise<boolean>;
}

/**
 * Admin sessions of one lease. Each is named after the lease **before** the lease is confirmed, and only then used. So
 * whoever takes the lease over either finds the session by its name, and ends it, or has taken over before the confirmation,
 * which then fails: no statement of an earlier holder runs beside those of the next.
 */
export function openSessions({ connect, token, isHeld }: SessionOptions): Sessions {
  const open = new Map<string, AdminConnection>();
  let destroyed = false;

  async function openOne(database: string): Promise<AdminConnection> {
    const connection = await connect(database);
    try {
      await connection.client.query(`set application_name = '${sessionName(token)}'`);
      if (destroyed || !(await isHeld())) throw new LeaseLostError(`The lease ${token} is lost.`);
    } catch (error) {
      connection.destroy();
      throw error;
    }
    open.set(database, connection);
    return connection;
  }

  return {
    async get(database) {
      return (open.get(database) ?? (await openOne(database))).client;
    },
    async end(database) {
      const connection = open.get(database);
      open.delete(database);
      await connection?.end();
    },
    destroy() {
      destroyed = true;
      for (const connection of open.values()) connection.destroy();
      open.clear();
    },
    async giveBack() {
      const connections = [...open.values()];
      open.clear();
      await Promise.all(connections.map((connection) => connection.giveBack()));
    },
  };
}
