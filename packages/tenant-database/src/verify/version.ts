import type { Connection } from '../client.ts';
import type { Finding } from './finding.ts';

/** On 15 and before a CREATEROLE role can make itself superuser, so the admin would be one in all but name. */
const MINIMUM_VERSION = 160_000;

/** A server's version as a number (`180004`) and as it prints itself. */
export interface ServerVersion {
  readonly number: number;
  readonly text: string;
}

export async function serverVersion(connection: Connection): Promise<ServerVersion> {
  const { rows } = await connection.query<ServerVersion>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as text`,
  );
  return rows[0] ?? { number: 0, text: 'unknown' };
}

/** The finding `too_old` for a version below the floor. */
export function tooOld({ number, text }: ServerVersion): Finding | undefined {
  if (number >= MINIMUM_VERSION) return undefined;
  return { code: 'too_old', detail: `The server is PostgreSQL ${text}; it must be 16 or later.` };
}
