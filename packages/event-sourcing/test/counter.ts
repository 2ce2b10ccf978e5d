import { CommandRefused, createEventCodec, type Decider } from '@ultracore/event-sourcing';

/** The smallest aggregate that refuses, ignores and decides several events. */
export type CounterEvent =
  | { readonly type: 'Opened'; readonly data: { readonly name: string } }
  | { readonly type: 'Counted'; readonly data: { readonly by: number } };
export type CounterCommand =
  | { readonly type: 'Open'; readonly name: string }
  | { readonly type: 'Count'; readonly by: readonly number[] };
export interface CounterState {
  readonly open: boolean;
  readonly total: number;
}

export const counter: Decider<CounterState, CounterCommand, CounterEvent> = {
  initialState: () => ({ open: false, total: 0 }),
  decide(command, state) {
    if (command.type === 'Open') {
      if (state.open) throw new CommandRefused('already_open', 'the counter is open');
      return [{ type: 'Opened', data: { name: command.name } }];
    }
    if (!state.open) throw new CommandRefused('not_open', 'the counter is not open');
    return command.by.map((by) => ({ type: 'Counted', data: { by } }));
  },
  evolve: (state, event) =>
    event.type === 'Opened' ? { open: true, total: 0 } : { ...state, total: state.total + event.data.by },
};

export const counterCodec = createEventCodec<CounterEvent>({ Opened: { version: 1 }, Counted: { version: 1 } });
