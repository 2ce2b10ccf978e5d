import { verdictOn, type Decision, type Situation } from './situation.ts';

/** Work that is never undone: its steps, and the one that tells that it failed. */
export interface ForwardWork {
  readonly steps: readonly string[];
  readonly failed: string;
  /** Whether a step may be taken now; while it may not, a newer row is waited for. */
  readonly mayTake?: (step: string, situation: Situation) => boolean;
}

/**
 * What to do next with work that only goes forward. Nothing is undone: what has an end in the directory is closed as it is, and
 * a failure is told and nothing else.
 */
export const decideForward = ({ steps, failed, mayTake }: ForwardWork, situation: Situation): Decision => {
  const { item, closed } = situation;
  const said = verdictOn(situation);
  switch (said) {
    case 'unknown':
      return { do: 'wait' };
    case 'done':
    case 'failed':
    case 'cancelled':
    case 'superseded':
      return { do: 'close', outcome: said };
    case 'go_on': {
      if (item.state === 'undo') return closed.has(failed) ? { do: 'close', outcome: 'failed' } : { do: 'undo', step: failed };
      const step = steps.find((each) => !closed.has(each));
      if (item.state === 'sent' || step === undefined) return { do: 'wait' };
      return mayTake === undefined || mayTake(step, situation) ? { do: 'step', step } : { do: 'wait' };
    }
    default:
      return said satisfies never;
  }
};
