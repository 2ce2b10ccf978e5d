import { asStorageError } from '../storage/open-database.ts';
import { type EventRecord, lengthInLog } from '../storage/record.ts';
import type { PageLimit, Storage } from '../storage/storage.ts';
import { createRecentIds } from './recent-ids.ts';
import { isMetadataStream, originalStreamOf, parseStreamMetadata } from './stream-metadata.ts';
import { createStreamStates, type StreamState } from './stream-states.ts';
import { createTail } from './tail.ts';

/** An event as a client proposes it. */
export type ProposedEvent = Pick<EventRecord, 'id' | 'type' | 'isJson' | 'data' | 'metadata'>;

/** Where the last event of a write stands. */
export interface Place {
  readonly revision: number;
  readonly position: number;
}

/** What a write may do while its group's transaction is open. It sees the writes before it in the group. */
export interface LogTransaction {
  readonly stream: (name: string) => StreamState;
  readonly isTombstoned: (state: StreamState) => boolean;
  /** At the next revisions of the stream; `revision` is only given for the event that ends it. At least one event. */
  readonly write: (state: StreamState, events: readonly ProposedEvent[], revision?: number) => Place;
  readonly idAt: (state: StreamState, revision: number) => { id: string; position: number } | undefined;
  readonly findId: (state: StreamState, id: string) => Place | undefined;
  readonly eventAt: (state: StreamState, revision: number) => EventRecord | undefined;
}

export type Settled<Answer> = { readonly ok: true; readonly answer: Answer } | { readonly ok: false; readonly error: Error };

/** The one log of the server: group commit on the way in, pages and wake-ups on the way out. */
export interface EventLog {
  /**
   * Runs `work` in the next group's transaction: everything submitted in one turn of the event loop shares one commit, and what arrives during
   * that commit the next. `settle` is called once, after the commit; on failure nothing of the whole group was stored. `work` must not throw.
   */
  readonly submit: <Answer>(work: (transaction: LogTransaction) => Answer, settle: (settled: Settled<Answer>) => void) => void;
  readonly stream: (name: string) => StreamState;
  readonly isTombstoned: (state: StreamState) => boolean;
  /** Position of the newest event; 0 in an empty log. */
  readonly head: () => number;
  /** The next events after a position, empty at the head. `fromMemory` is false when they had to be read from disk. */
  readonly pageAfter: (position: number, limit: PageLimit) => { records: EventRecord[]; fromMemory: boolean };
  readonly pageBefore: (position: number, limit: PageLimit) => EventRecord[];
  readonly streamPage: (state: StreamState, from: number, backwards: boolean, limit: PageLimit) => EventRecord[];
  readonly eventAt: (streamName: string, revision: number) => EventRecord | undefined;
  /** Calls `wake` after each commit that added events, to that stream when one is named. Returns how to end it. */
  readonly onGrowth: (streamName: string | undefined, wake: () => void) => () => void;
  /** Commits what was submitted and closes. */
  readonly close: () => void;
}

interface Submission {
  readonly run: (transaction: LogTransaction) => void;
  readonly settle: (error: Error | undefined) => void;
}

const ALL_STREAMS = '';

export function createEventLog(storage: Storage): EventLog {
  const newest = storage.last();
  let head = newest?.position ?? 0;
  let nextPosition = newest ? newest.position + lengthInLog(newest) : 1;
  const states = createStreamStates(storage);
  const recentIds = createRecentIds(storage);
  const tail = createTail(head);
  const followers = new Map<string, Set<() => void>>();
  let waiting: Submission[] = [];
  let written: EventRecord[] = [];

  const write: LogTransaction['write'] = (state, events, revision = state.lastRevision + 1) => {
    const stream = (state.id ??= storage.addStream(state.name));
    const createdAt = Date.now();
    const place = { revision, position: nextPosition };
    let last: ProposedEvent | undefined;
    for (const event of events) {
      const record: EventRecord = { ...event, ...place, streamName: state.name, createdAt };
      storage.add(stream, record);
      recentIds.add({ id: event.id, stream, ...place });
      written.push(record);
      state.lastRevision = place.revision;
      nextPosition += lengthInLog(record);
      last = event;
      place.revision += 1;
      place.position = nextPosition;
    }
    const described = isMetadataStream(state.name) ? originalStreamOf(state.name) : undefined;
    if (last && described !== undefined && !isMetadataStream(described)) {
      states.of(described).metadata = parseStreamMetadata(last.data);
    }
    return { revision: state.lastRevision, position: written.at(-1)?.position ?? head };
  };

  const transaction: LogTransaction = {
    stream: states.of,
    isTombstoned: states.isTombstoned,
    write,
    idAt: (state, revision) => (state.id === undefined ? undefined : storage.eventIdAt(state.id, revision)),
    findId: (state, id) => (state.id === undefined ? undefined : recentIds.find(id, state.id)),
    eventAt: (state, revision) => (state.id === undefined ? undefined : storage.eventAt(state.id, revision)),
  };

  const commitGroup = () => {
    const group = waiting;
    if (group.length === 0) return;
    waiting = [];
    written = [];
    const positionBefore = nextPosition;
    try {
      storage.transaction(() => {
        for (const submission of group) submission.run(transaction);
      });
    } catch (error) {
      nextPosition = positionBefore;
      states.forgetAll();
      recentIds.reload();
      const failure = asStorageError(error);
      for (const submission of group) submission.settle(failure);
      return;
    }
    head = written.at(-1)?.position ?? head;
    tail.push(written);
    for (const submission of group) submission.settle(undefined);
    wakeFollowers();
  };

  const wakeFollowers = () => {
    if (written.length === 0 || followers.size === 0) return;
    for (const name of new Set([ALL_STREAMS, ...written.map((record) => record.streamName)])) {
      for (const wake of followers.get(name) ?? []) wake();
    }
  };

  return {
    submit(work, settle) {
      let answered: { answer: ReturnType<typeof work> } | undefined;
      if (waiting.length === 0) setImmediate(commitGroup);
      waiting.push({
        run: (open) => {
          answered = { answer: work(open) };
        },
        settle: (error) => {
          if (error || !answered) settle({ ok: false, error: error ?? new Error('the write was not run') });
          else settle({ ok: true, answer: answered.answer });
        },
      });
    },
    stream: states.of,
    isTombstoned: states.isTombstoned,
    head: () => head,
    pageAfter(position, limit) {
      const records = tail.pageAfter(position, limit);
      return records ? { records, fromMemory: true } : { records: storage.logPage(position, false, limit), fromMemory: false };
    },
    pageBefore: (position, limit) => storage.logPage(position, true, limit),
    streamPage: (state, from, backwards, limit) =>
      state.id === undefined ? [] : storage.streamPage(state.id, from, backwards, limit),
    eventAt(streamName, revision) {
      const stream = storage.streamId(streamName);
      return stream === undefined ? undefined : storage.eventAt(stream, revision);
    },
    onGrowth(streamName = ALL_STREAMS, wake) {
      const woken = followers.get(streamName) ?? new Set();
      followers.set(streamName, woken.add(wake));
      return () => {
        woken.delete(wake);
        if (woken.size === 0 && followers.get(streamName) === woken) followers.delete(streamName);
      };
    },
    close() {
      if (waiting.length > 0) commitGroup();
      storage.close();
    },
  };
}
