/** How often a request is run that may have run before. */
const ATTEMPTS = 5;
/** How often one that was running when its connection was lost: it may be what ended the server. */
const ATTEMPTS_AFTER_START = 2;

export interface Attempt {
  /** Attempts made, this one included. */
  readonly attempts: number;
  /** Columns or rows of it have reached the caller, who cannot give them back. */
  readonly touched: boolean;
  /** It may run twice: it only reads. */
  readonly repeatable: boolean;
}

/**
 * Whether a statement whose connection was lost may be run again on another one. One whose turn had not come never ran; one that only reads may run
 * twice. Anything else may have taken effect, and its caller has to be told so.
 */
export function mayRunAfterLoss(attempt: Attempt, started: boolean): boolean {
  return !attempt.touched && (!started || (attempt.repeatable && attempt.attempts < ATTEMPTS_AFTER_START));
}

/** Whether a statement may be run again that a cancel meant for its neighbour has hit: Postgres rolled all of it back. */
export function mayRunAfterStrayCancel(attempt: Attempt): boolean {
  return attempt.attempts < ATTEMPTS && !attempt.touched;
}
