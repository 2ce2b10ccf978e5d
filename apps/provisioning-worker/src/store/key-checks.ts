import type { Queryable } from '@ultracore/postgres';

/**
 * Remembers what a key's check value is. False when the key id is known with another value: the master password, its salt or
 * the number of rounds is not what this bookkeeping's credentials were sealed with.
 */
export async function confirmKeyCheck(client: Queryable, key: { keyId: string; check: string }): Promise<boolean> {
  await client.query('insert into worker.key_check (key_id, check_value) values ($1, $2) on conflict (key_id) do nothing', [
    key.keyId,
    key.check,
  ]);
  const result = await client.query('select from worker.key_check where key_id = $1 and check_value = $2', [
    key.keyId,
    key.check,
  ]);
  return result.rowCount === 1;
}
