import { verdictOn, type Decision, type Situation, type Verdict } from '../situation.ts';
import { STEPS } from './steps.ts';

/** A later request may be the last one of its kind: what counts then is whose home the tenant has. */
const verdict = (situation: Situation): Verdict => {
  const said = verdictOn(situation);
  return said === 'superseded' && situation.row?.home_request_id === situation.item.requestId ? 'done' : said;
};

/**
 * What to do next with a creation: pure, so the same situation read again after a crash, or by another worker, gives the same
 * answer. Undoing wins over going on, and a request that the registry has completed is never undone.
 */
export const decideCreation = (situation: Situation): Decision => {
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
