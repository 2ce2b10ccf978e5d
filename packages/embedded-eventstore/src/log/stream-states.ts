import type { Storage } from '../storage/storage.ts';
import { TOMBSTONE_REVISION } from '../storage/record.ts';
import {
  isMetadataStream,
  METADATA_OF_METADATA,
  metadataStreamOf,
  NO_METADATA,
  originalStreamOf,
  parseStreamMetadata,
  type StreamMetadata,
} from './stream-metadata.ts';

export interface StreamState {
  readonly name: string;
  /** Undefined until its first event is written. */
  id: number | undefined;
  /** -1 without events. */
  lastRevision: number;
  metadata: StreamMetadata;
}

const STATES_KEPT = 50_000;

/** What is known of each stream, in memory for those in use, read from storage for the others. Right after every committed write. */
export function createStreamStates(storage: Storage) {
  const states = new Map<string, StreamState>();

  const loadMetadata = (name: string): StreamMetadata => {
    if (isMetadataStream(name)) return METADATA_OF_METADATA;
    const stream = storage.streamId(metadataStreamOf(name));
    const newest = stream && storage.eventAt(stream, storage.lastRevision(stream));
    return newest ? parseStreamMetadata(newest.data) : NO_METADATA;
  };

  const of = (name: string): StreamState => {
    const known = states.get(name);
    if (known) return known;
    const id = storage.streamId(name);
    const state = { name, id, lastRevision: id === undefined ? -1 : storage.lastRevision(id), metadata: loadMetadata(name) };
    if (states.size >= STATES_KEPT) forgetOldest();
    states.set(name, state);
    return state;
  };

  const forgetOldest = () => {
    let surplus = STATES_KEPT / 10;
    for (const name of states.keys()) {
      if ((surplus -= 1) < 0) break;
      states.delete(name);
    }
  };

  return {
    of,
    /** Deleted for good, itself or the stream whose metadata it holds. */
    isTombstoned: (state: StreamState): boolean =>
      state.lastRevision === TOMBSTONE_REVISION ||
      (isMetadataStream(state.name) && of(originalStreamOf(state.name)).lastRevision === TOMBSTONE_REVISION),
    /** After a transaction that was undone: what was noted during it is not true. */
    forgetAll: () => states.clear(),
  };
}
