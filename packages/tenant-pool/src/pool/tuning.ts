/** Periods and sizes of the pool, in one place. Milliseconds unless the name says otherwise. */

/** Period of the sweep for deadlines, aborts and waiting work. Nothing has a timer of its own. */
export const TICK_MS = 5;
/** Statements in flight on one connection at most. */
export const PIPELINE_DEPTH = 64;
/**
 * Another connection is opened, if the server has one to spare, when even the least loaded one has so many in flight and there are fewer than so many
 * (this process cannot keep more of them busy with the shortest statements), or, on trial, when what is in flight there takes that long in all.
 */
export const GROWTH = {
  depth: 16,
  connections: 4,
  backlogMs: 5,
  trialMs: 100,
  restMs: 10_000,
  longestRestMs: 600_000,
} as const;
/** Work that has waited that long asks for another connection. */
export const GROW_AFTER_MS = 4;
/** What may be served before by the connections there are asks for another after that long. */
export const GROW_SURE_AFTER_MS = 25;
/** Reads behind a statement that has run that long are run on another connection. */
export const RESCUE_AFTER_MS = 25;
/** A statement whose caller has gone is cancelled when it still runs after that long: a cancel costs the connection. */
export const ABORT_GRACE_MS = 20;
/** How long after a cancel the next is sent, when the statement still runs. */
export const CANCEL_AGAIN_MS = 250;
/** Connections that a tenant may lose to its own cancels at once, and how often after that: each costs the server a login. */
export const CANCELS = { most: 32, everyMs: 100 } as const;
/** A statement that outlives its cancel by that long takes its session with it: the server is asked to end it. */
export const CANCEL_GIVE_UP_MS = 5_000;
/** What is cancelled because its caller or its tenant is gone has that long before its session is ended. */
export const GONE_GIVE_UP_MS = 1_500;
/** How often the server is asked to end a session, how long that may take, and after how long in vain its connection is dropped. */
export const END_AGAIN_MS = 1_000;
export const END_ANSWER_MS = 5_000;
export const END_GIVE_UP_MS = 30_000;
/** Of a server's budget of so many or more one connection is kept for that. */
export const KEPT_FROM = 10;
/** A connection that was told to close and has not after that long is dropped. */
export const CLOSE_GIVE_UP_MS = 10_000;
/** The same for one whose session is being reset. */
export const RESET_GIVE_UP_MS = 5_000;
/** A connection that was dropped counts for so long more: the server may not have noticed. */
export const LINGER_MS = 2_000;

/** Period of what is not urgent: idle connections, the warm minimum. */
export const MAINTENANCE_MS = 1_000;
/** The warm minimum is opened only while that share of the server's budget is free. */
export const WARM_RESERVE = 0.25;
/** See `TurnRules`. */
export const STALE_AFTER_MS = 5_000;
export const TENURE_MS = 100;
export const TURN_MS = { least: 100, most: 1_000 } as const;
/** What opening a connection is taken to cost, whatever was measured. */
export const SWITCH_MS = { least: 5, most: 50 } as const;
/** Connections to one server that are opened at one time; those that take longer do not count. */
export const LOGINS_AT_ONCE = 8;
export const LOGIN_COUNTS_MS = 50;
/** Connections to one server that are closed at one time for others to be opened, these counted too. */
export const SWITCHES_AT_ONCE = 4;
/** What was asked to give way counts among those that long after its turn came, or its closing began. */
export const LEAVING_COUNTS_MS = 100;
/** Fewer where a tenant is busy with its only connection: how often that happens is for the length of turns to say. */
export const INTERRUPTS_AT_ONCE = 2;
/**
 * What has run for so many turns is long, and who has waited for as many is entitled to have it cancelled where it runs on more than that share of the
 * connections.
 */
export const PREEMPT = { turns: 5, share: 0.75 } as const;

export const CONNECT_TIMEOUT_MS = 10_000;
export const SERVER_BACKOFF_MS = { first: 100, longest: 2_000 } as const;
/** A server that nobody has tried to reach for so long is not said to be unreachable any more. */
export const FAILURE_COUNTS_MS = 15_000;
/** The first is short: a tenant that was let in again may be known to be so before its login is open. */
export const LOGIN_BACKOFF_MS = { first: 100, longest: 10_000 } as const;
export const LIMIT_BACKOFF_MS = { first: 50, longest: 1_000 } as const;

/** How often at most the lag of a replica is asked for, and how long an answer counts. */
export const LAG_CHECK_MS = 1_000;
export const LAG_VALID_MS = 3_000;
/** A replica that failed is left alone that long. */
export const REPLICA_REST_MS = 10_000;
