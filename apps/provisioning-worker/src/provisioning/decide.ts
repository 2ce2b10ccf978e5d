import type { Situation } from './situation.ts';
import { STEPS, type StepName, type UndoStepName } from './steps.ts';

export type Outcome = 'done' | 'failed' | 'cancelled' | 'superseded';

export type Decision =
  /** Nothing may be done before a newer directory row arrives. */
  | { readonly do: 'wait' }
  | { readonly do: 'step'; readonly step: StepName }
  | { readonly do: 'undo'; readonly step: UndoStepName }
  | { readonly do: 'close'; readonly outcome: Outcome };

/** What the directory says of a request: not yet anything, go on, it has an end, or another request has taken its place. */
type Verdict = 'unknown' | 'go_on' | Outcome;

/**
 * The registry's word on the item's request. A request that no row names (forged, or overtaken by a retry) is superseded:
 * it may not make anything, and what it made goes.
 */
const verdict = ({ item, row }: Situation): Verdict => {
  if (row === null || row.revision < item.revision) return 'unknown';
  const provision = row.requests.provision;
  if (provision?.id === item.requestId) return provision.outcome === 'open' ? 'go_on' : provision.outcome;
  return row.home_request_id === item.requestId ? 'done' : 'superseded';
};

/**
 * What to do next with an item: pure, so the same situation read again after a crash, or by another worker, gives the same
 * answer. Undoing wins over going on, and a request that the registry has completed is never undone.
 */
export const decide = (situation: Situation): Decision => {
  const { item, closed } = situation;
  const said = verdict(situation);
  switch (said) {
    case 'unknown':
      return { do: 'wait' };
    case 'done':
      return { do: 'close', outcome: 'done' };
    case 'failed':
    case 'cancelled':
    case 'superseded':
      return closed.has('undo') ? { do: 'close', outcome: said } : { do: 'undo', step: 'undo' };
    case 'go_on':
      if (item.state === 'undo') return leave(situation);
      return item.state === 'sent' ? { do: 'wait' } : advance(closed);
    default:
      return said satisfies never;
  }
};

/** What is left of a creation that failed here and that the registry does not know of yet. */
const leave = ({ item, closed }: Situation): Decision => {
  if (item.failure?.step === 'migrate' && !closed.has('migrations_failed')) return { do: 'undo', step: 'migrations_failed' };
  if (!closed.has('undo')) return { do: 'undo', step: 'undo' };
  if (item.failure !== null && !closed.has('failed')) return { do: 'undo', step: 'failed' };
  return { do: 'close', outcome: 'failed' };
};

/** A creation with every step closed has been told in full; its item then waits for the answer as `sent`. */
const advance = (closed: ReadonlySet<string>): Decision => {
  const step = STEPS.find((each) => !closed.has(each));
  return step === undefined ? { do: 'wait' } : { do: 'step', step };
};
