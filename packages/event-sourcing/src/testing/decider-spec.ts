import assert from 'node:assert/strict';
import type { Decider } from '../decider.ts';
import { isCommandRefused } from '../errors.ts';

interface Then<Event> {
  /** Exactly these events, in this order. */
  then(expected: readonly Event[]): void;
  /** Nothing happened, and it was no error. */
  thenNothing(): void;
  /** Refused with this code. */
  thenRefused(code: string): void;
}

/** Given–when–then for a decider: `given` past events, `when` a command, `then` its events or refusal. */
export function deciderSpec<State, Command, Event>(decider: Decider<State, Command, Event>) {
  return {
    given(events: readonly Event[]) {
      const state = events.reduce(decider.evolve, decider.initialState());
      return {
        state,
        when: (command: Command): Then<Event> => {
          const decide = () => decider.decide(command, state);
          return {
            // oxlint-disable-next-line unicorn/no-thenable -- given, when, then; nobody awaits it
            then: (expected) => assert.deepEqual(decide(), expected),
            thenNothing: () => assert.deepEqual(decide(), []),
            thenRefused: (code) => {
              try {
                assert.fail(`refusal ${code} expected, but it was decided: ${JSON.stringify(decide())}`);
              } catch (error) {
                if (!isCommandRefused(error)) throw error;
                assert.equal(error.code, code);
              }
            },
          };
        },
      };
    },
  };
}
