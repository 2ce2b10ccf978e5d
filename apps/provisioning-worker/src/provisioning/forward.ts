import { verdictOn, type Decision, type Situation } from './situation.ts';

/** Work that is never undone: its steps, and the one that tells that it failed. */
export interface ForwardWork {
  readonly steps: readonly string[];
  readonly failed: string;
  /** Whether a step may be taken now; while it may not, a newer row is waited for. */
  readonly mayTake?: (step: string, situation: Situation) => boolean;
  /** The step that tells what those before it have done; taken also where nobody waits for that any more. */
  readonly toldThoughCancelled?: string;
}

/**
 * What to do next with work that only goes forward. Nothing is undone: what has an end in the directory is closed as it is, and
 * a failure is told and nothing else. Where that end is that it was cancelled, what was done before is told first.
 */
export const decideForward = ({ steps, failed, mayTake, toldThoughCancelled }: ForwardWork, situation: Situation): Decision => {
  const { item, closed } = situation;
  const said = verdictOn(situation);
  const step = steps.find((each) => !closed.has(each));
  switch (said) {
    case 'unknown':
      return { do: 'wait' };
    case 'cancelled':
      if (item.state === 'open' && step !== undefined && step === toldThoughCancelled) return { do: 'step', step };
      return { do: 'close', outcome: said };
    case 'done':
    case 'failed':
    case 'superseded':
      return { do: 'close', outcome: said };
    case 'go_on': {
      if (item.state === 'undo') return closed.has(failed) ? { do: 'close', outcome: 'failed' } : { do: 'undo', step: failed };
      if (item.state === 'sent' || step === undefined) return { do: 'wait' };
      return mayTake === undefined || mayTake(step, situation) ? { do: 'step', step } : { do: 'wait' };
    }
    default:
      return said satisfies never;
  }
};
