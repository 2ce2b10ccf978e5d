import type { Queryable } from '@ultracore/postgres';

/** The id of this bookkeeping: it lives as long as its tables. */
export async function readIdentity(client: Queryable): Promise<string> {
  const result = await client.query<{ id: string }>('select id from worker.identity');
  const id = result.rows[0]?.id;
  if (id === undefined) throw new TypeError('The bookkeeping has no identity.');
  return id;
}
