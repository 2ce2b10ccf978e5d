import { LRUCache } from 'lru-cache';
import type { EventCodec } from './codec.ts';
import type { Decider, DomainEvent } from './decider.ts';
import { EventSourcingError, isCommandRefused, isVersionConflict } from './errors.ts';
import { eventId } from './event-id.ts';
import type { EventMetadata, EventStore } from './event-store.ts';

/** The fold of a stream at a revision, with the ids of the events in it. `revision` is null while there is no stream. */
interface Fold<State> {
  /** False while nobody has asked the store. */
  readonly known: boolean;
  readonly state: State;
  readonly revision: bigint | null;
  readonly ids: Set<string>;
}

export interface HandleOptions<Event> {
  /** A UUID that names this request for ever: the caused events' ids derive from it, so a repeated request is recognised. */
  readonly requestId: string;
  /** For all events of the append, or a function of the event, its place in the append and its id. */
  readonly metadata: EventMetadata | ((event: Event, n: number, id: string) => EventMetadata);
  /** The first event's id where it is given from outside, as a fact's is; `eventId(requestId, 0)` when left out. */
  readonly firstEventId?: string;
  /**
   * The stream is probably new: the first attempt appends without reading. A stream that exists after all answers with a conflict, and is
   * then read; one that begins with these very ids is the same request again, and succeeds without `duplicate`.
   */
  readonly assumeNew?: boolean;
}

export interface Handled<State, Event> {
  /** What this call appended; empty for a duplicate and for a command without effect. */
  readonly events: readonly Event[];
  readonly state: State;
  /** The stream's revision the state belongs to; null while there is no stream. */
  readonly revision: bigint | null;
  /** The request had succeeded before; nothing was decided or appended. */
  readonly duplicate: boolean;
}

/** What is about to be appended. */
export interface PlannedAppend<State, Event> {
  readonly streamName: string;
  readonly events: readonly {
    readonly event: Event;
    readonly id: string;
    readonly metadata: EventMetadata;
    readonly revision: bigint;
  }[];
  /** The fold with these events in it. */
  readonly state: State;
}

export interface CommandHandler<State, Command, Event> {
  /**
   * Folds, decides, appends with the revision that was read. Only a version conflict is retried, three times; then it is thrown.
   * Throws the decider's `CommandRefused`, and `EventSourcingError` `event_not_publishable` with what `check` says. Commands for one stream run one after the other within this process.
   */
  readonly handle: (streamName: string, command: Command, options: HandleOptions<Event>) => Promise<Handled<State, Event>>;
  /** The fold of the stream's head, and the ids of its events: reads only what the cache does not hold, but always asks the store. */
  readonly load: (streamName: string) => Promise<{ state: State; revision: bigint | null; ids: ReadonlySet<string> }>;
}

const MAX_RETRIES = 3;
/** The cache is bounded by event ids as well as by streams, since a fold remembers the ids of its stream. */
const IDS_PER_STREAM = 64;

export function createCommandHandler<State, Command, Event extends DomainEvent>(deps: {
  store: EventStore;
  decider: Decider<State, Command, Event>;
  codec: EventCodec<Event>;
  /** Streams whose fold is kept. A stale entry costs one conflict and a read of the tail, never a wrong decision. */
  cacheSize: number;
  /** Why events must not be stored; undefined when all is well. Asked before every append: what is stored can never be taken back. */
  check?: (append: PlannedAppend<State, Event>) => string | undefined;
}): CommandHandler<State, Command, Event> {
  const { store, decider, codec, check } = deps;
  const cache = new LRUCache<string, Fold<State>>({
    max: deps.cacheSize,
    maxSize: deps.cacheSize * IDS_PER_STREAM,
    sizeCalculation: (fold) => 1 + fold.ids.size,
  });
  const queues = new Map<string, Promise<unknown>>();

  const empty = (): Fold<State> => ({ known: false, state: decider.initialState(), revision: null, ids: new Set() });

  const readOn = async (streamName: string, from: Fold<State>): Promise<Fold<State>> => {
    const { events } = await store.readStream(streamName, { fromRevision: from.revision === null ? 0n : from.revision + 1n });
    const last = events.at(-1);
    if (!last) return { ...from, known: true };
    let { state } = from;
    for (const stored of events) {
      state = decider.evolve(state, codec.decode(stored));
      from.ids.add(stored.id);
    }
    const fold = { known: true, state, revision: last.revision, ids: from.ids };
    cache.set(streamName, fold);
    return fold;
  };

  const attempt = async (
    streamName: string,
    fold: Fold<State>,
    command: Command,
    options: HandleOptions<Event>,
  ): Promise<Handled<State, Event>> => {
    const { requestId, metadata, firstEventId = eventId(requestId, 0) } = options;
    if (fold.ids.has(firstEventId)) return { events: [], state: fold.state, revision: fold.revision, duplicate: true };
    const events = decider.decide(command, fold.state);
    if (events.length === 0) return { events, state: fold.state, revision: fold.revision, duplicate: false };
    const first = (fold.revision ?? -1n) + 1n;
    const planned = events.map((event, n) => {
      const id = n === 0 ? firstEventId : eventId(requestId, n);
      const of = typeof metadata === 'function' ? metadata(event, n, id) : metadata;
      return { event, id, metadata: of, revision: first + BigInt(n) };
    });
    const state = events.reduce(decider.evolve, fold.state);
    const fault = check?.({ streamName, events: planned, state });
    if (fault !== undefined) throw new EventSourcingError('event_not_publishable', fault);
    const news = planned.map(({ event, id, metadata: of }) => ({ id, ...codec.encode(event), metadata: of }));
    const { revision } = await store.append(streamName, news, fold.revision ?? 'no_stream');
    for (const event of news) fold.ids.add(event.id);
    // On an assumed new stream the store may have taken this for a repetition of what it holds; the stream then differs from our fold.
    if (fold.known) cache.set(streamName, { known: true, state, revision, ids: fold.ids });
    return { events, state, revision, duplicate: false };
  };

  const run = async (streamName: string, command: Command, options: HandleOptions<Event>): Promise<Handled<State, Event>> => {
    const cached = cache.get(streamName);
    const mustRead = cached === undefined && !options.assumeNew;
    let fold = mustRead ? await readOn(streamName, empty()) : (cached ?? empty());
    let fresh = mustRead;
    for (let retries = 0; ; retries += 1) {
      try {
        const handled = await attempt(streamName, fold, command, options);
        if (handled.events.length > 0 || handled.duplicate || fresh) return handled;
      } catch (error) {
        // An append shows by its conflict that the fold was stale. A refusal appends nothing, so only a fold that was just read may refuse.
        if (isCommandRefused(error) ? fresh : !isVersionConflict(error) || retries === MAX_RETRIES) throw error;
      }
      fold = await readOn(streamName, fold);
      fresh = true;
    }
  };

  /** Runs `work` after everything queued for the stream before it, whatever became of that. */
  const inTurn = <Result>(streamName: string, work: () => Promise<Result>): Promise<Result> => {
    const before = queues.get(streamName) ?? Promise.resolve();
    const result = before.then(work, work);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    queues.set(streamName, settled);
    void settled.then(() => {
      if (queues.get(streamName) === settled) queues.delete(streamName);
    });
    return result;
  };

  return {
    handle: (streamName, command, options) => inTurn(streamName, () => run(streamName, command, options)),
    load: (streamName) =>
      inTurn(streamName, async () => {
        const { state, revision, ids } = await readOn(streamName, cache.get(streamName) ?? empty());
        return { state, revision, ids };
      }),
  };
}
