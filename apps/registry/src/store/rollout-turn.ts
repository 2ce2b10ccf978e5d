import { CommandRefused } from '@ultracore/event-sourcing';
import { transaction } from '@ultracore/postgres';
import type { Pool } from 'pg';

const LOCK = "hashtextextended('ultracore rollout_turn', 0)";
/**
 * The session that holds the lock waits inside its transaction for the event store, at most ten seconds a call, and what meets a conflict is
 * read and decided anew three times. Pools end sessions that wait for longer than a few seconds, and the lock with them.
 */
const WORK_AT_MOST_MS = 120_000;

/**
 * Notes whose turn it is and does the work of it; over all registries one at a time, others are refused with `rollout_open`. The note is
 * durable before the work begins: a crash in between leaves a note of something that has not happened, never something that has happened
 * without a note. What the work answered is answered although the lock was lost at the end: it is all that the transaction held.
 */
export async function takeTurn<Result>(
  pool: Pool,
  rolloutId: string,
  { check, work }: { readonly check: (last: string | null) => Promise<void>; readonly work: () => Promise<Result> },
): Promise<Result> {
  let worked: { readonly result: Result } | undefined;
  const inTurn = transaction(pool, async (client) => {
    await client.query(`set local idle_in_transaction_session_timeout = ${WORK_AT_MOST_MS}`);
    const locked = await client.query<{ locked: boolean }>(`select pg_try_advisory_xact_lock(${LOCK}) as locked`);
    if (locked.rows[0]?.locked !== true)
      throw new CommandRefused('rollout_open', 'Another rollout is being started at this moment.');
    const turn = await client.query<{ rollout_id: string | null }>('select rollout_id from rollout_turn');
    await check(turn.rows[0]?.rollout_id ?? null);
    // On a connection of its own: durable while this one still keeps others out.
    await pool.query('update rollout_turn set rollout_id = $1', [rolloutId]);
    // Without the lock nothing is begun.
    await client.query('select');
    worked = { result: await work() };
    return worked.result;
  });
  return inTurn.catch((error: unknown) => {
    if (worked === undefined) throw error;
    return worked.result;
  });
}
