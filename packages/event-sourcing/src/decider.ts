/**
 * An aggregate as three pure functions: no clock, id, random or I/O; what they need arrives in the command.
 * `decide` refuses by throwing `CommandRefused`. `evolve` never refuses and never changes the state it is given.
 */
export interface Decider<State, Command, Event> {
  readonly decide: (command: Command, state: State) => readonly Event[];
  readonly evolve: (state: State, event: Event) => State;
  readonly initialState: () => State;
}

/** What an aggregate's events look like: a name in the past tense and a JSON-representable body. */
export interface DomainEvent {
  readonly type: string;
  readonly data: object;
}
