import type { Queryable } from './pool.ts';
import { quoteIdent } from './quote.ts';

export interface Checkpoint {
  /** The position last stored under this name, or null. */
  get(client: Queryable, name: string): Promise<bigint | null>;
  /** Stores a position; with the client of a transaction it moves together with the rows written there. */
  set(client: Queryable, name: string, position: bigint): Promise<void>;
}

/** Positions in a log, by name, in table `checkpoints` of a schema that `migrate` has prepared. */
export function createCheckpoint(schema: string): Checkpoint {
  const table = `${quoteIdent(schema)}.checkpoints`;
  return {
    async get(client, name) {
      const result = await client.query<{ position: string }>(`select position from ${table} where name = $1`, [name]);
      const row = result.rows[0];
      return row ? BigInt(row.position) : null;
    },
    async set(client, name, position) {
      await client.query(
        `insert into ${table} (name, position) values ($1, $2)
         on conflict (name) do update set position = excluded.position, updated_at = now()`,
        [name, position.toString()],
      );
    },
  };
}
