import type { Queryable } from '@ultracore/postgres';

/** A worker counts for a minute after it was last there: one that is restarted is waited for. */
const LATELY = `seen_at > now() - interval '1 minute'`;

/** Says to which versions of the migrations this worker can bring a home, and answers those that other workers can and it cannot. */
export async function shareVersions(client: Queryable, worker: number, versions: readonly string[]): Promise<string[]> {
  const result = await client.query<{ version: string }>(
    `with said as (
       insert into worker.known_versions (worker, versions)
       select $1, $2 where not exists (
         select from worker.known_versions where worker = $1 and versions = $2 and seen_at > now() - interval '5 seconds')
       on conflict (worker) do update set versions = excluded.versions, seen_at = excluded.seen_at
     ), gone as (
       delete from worker.known_versions where worker <> $1 and seen_at < now() - interval '1 day'
     )
     select distinct version from worker.known_versions cross join unnest(versions) as version
     where worker <> $1 and ${LATELY} and version <> all ($2)`,
    [worker, versions],
  );
  return result.rows.map(({ version }) => version);
}

/** Whether there is a worker that can bring a home to a version. */
export async function isVersionKnown(client: Queryable, version: string): Promise<boolean> {
  const result = await client.query(`select from worker.known_versions where ${LATELY} and $1 = any (versions) limit 1`, [
    version,
  ]);
  return result.rowCount === 1;
}
