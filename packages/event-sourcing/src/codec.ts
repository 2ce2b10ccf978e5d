import type { DomainEvent } from './decider.ts';
import { EventSourcingError } from './errors.ts';
import type { StoredEvent } from './event-store.ts';

/** Of a stored event what is decoded, and the place by which an error names it, where there is one. */
export type DecodableEvent = Pick<StoredEvent, 'type' | 'data'> & Partial<Pick<StoredEvent, 'streamName' | 'revision'>>;

/** Maps events to what is stored and back. Only the codec knows that stored names carry a version. */
export interface EventCodec<Event> {
  readonly encode: (event: Event) => { type: string; data: unknown };
  /** Throws `EventSourcingError` `unknown_event_type` or `bad_event`. */
  readonly decode: (stored: DecodableEvent) => Event;
  /** Every stored name this codec reads, current and old. */
  readonly storedTypes: readonly string[];
}

export interface EventVersions {
  readonly version: number;
  /** `upcasters[n]` turns a body of version n into one of version n + 1. */
  readonly upcasters?: Readonly<Record<number, (data: Record<string, unknown>) => Record<string, unknown>>>;
}

/** Every version reads all older events, so one that is not known was written by a later version, before a roll-back. */
const ADVICE = 'run the version that wrote it';

const nameOf = ({ type, streamName, revision }: DecodableEvent): string =>
  streamName === undefined ? type : `${type} at ${streamName}@${revision}`;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One entry for each event type: stored as `<Type>.v<version>`; older versions are upcast on read. Fails at once if a step is missing. */
export function createEventCodec<Event extends DomainEvent>(
  events: Readonly<Record<Event['type'], EventVersions>>,
): EventCodec<Event> {
  const storedNames = new Map<string, string>();
  const readers = new Map<string, (data: Record<string, unknown>) => DomainEvent>();
  for (const [type, { version, upcasters = {} }] of Object.entries<EventVersions>(events)) {
    storedNames.set(type, `${type}.v${version}`);
    for (let from = 1; from <= version; from += 1) {
      const steps = Array.from({ length: version - from }, (_, n) => {
        const step = upcasters[from + n];
        if (!step) throw new EventSourcingError('bad_event', `no upcaster leads ${type} from version ${from + n} to the next`);
        return step;
      });
      readers.set(`${type}.v${from}`, (data) => ({ type, data: steps.reduce((body, step) => step(body), data) }));
    }
  }
  return {
    storedTypes: [...readers.keys()],
    encode(event) {
      const type = storedNames.get(event.type);
      if (!type) throw new EventSourcingError('unknown_event_type', `no stored name for event type ${event.type}`);
      return { type, data: event.data };
    },
    decode(stored) {
      const read = readers.get(stored.type);
      if (!read)
        throw new EventSourcingError('unknown_event_type', `event ${nameOf(stored)} is newer than this program: ${ADVICE}`);
      if (!isObject(stored.data))
        throw new EventSourcingError('bad_event', `stored event ${stored.type} has no object as its body`);
      // The readers are keyed by the types of `Event` and upcast to its current version, so what they make is one of them.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return read(stored.data) as unknown as Event;
    },
  };
}
