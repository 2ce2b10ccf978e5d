import type { Pool } from 'pg';
import type { FactSink } from '../../src/outbound/facts.ts';

export interface ToldFact {
  readonly id: string;
  readonly type: string;
  readonly tenantId: string;
  readonly causationId: string;
  readonly body: Record<string, unknown>;
}

/** Stands in for Kafka where a test kills the process that tells: what is acknowledged is in a table. */
export function createTableSink(pool: Pool): FactSink {
  return {
    async send(records) {
      for (const { envelope, body } of records) {
        await pool.query('insert into told (id, type, tenant_id, causation_id, body) values ($1, $2, $3, $4, $5)', [
          envelope.id,
          envelope.type,
          envelope.tenantId,
          envelope.causationId,
          JSON.stringify(body),
        ]);
      }
    },
  };
}

/** The facts of a tenant in the order of their first acknowledgement, without repetitions. */
export async function toldFacts(pool: Pool, tenantId: string): Promise<ToldFact[]> {
  const { rows } = await pool.query<ToldFact>(
    `select id, type, tenant_id as "tenantId", causation_id as "causationId", body from told t
     where tenant_id = $1 and position = (select min(position) from told where id = t.id) order by position`,
    [tenantId],
  );
  return rows;
}
