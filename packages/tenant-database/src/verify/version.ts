import type { Connection } from '../client.ts';

/** On 15 and before a CREATEROLE role can make itself superuser, so the admin would be one in all but name. */
export const MINIMUM_VERSION = 160_000;

/** The server's version as a number (`180004`) and as it prints itself. */
export async function serverVersion(connection: Connection): Promise<{ number: number; text: string }> {
  const { rows } = await connection.query<{ number: number; text: string }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as text`,
  );
  return rows[0] ?? { number: 0, text: 'unknown' };
}
