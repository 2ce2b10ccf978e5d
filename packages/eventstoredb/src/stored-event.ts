import type { AllStreamResolvedEvent, ResolvedEvent } from '@eventstore/db-client';
import type { EventMetadata, StoredEvent } from '@ultracore/event-sourcing';

/** Undefined for a link whose target is gone. A body that is not JSON stays bytes. */
export function toStoredEvent({ event, commitPosition }: ResolvedEvent | AllStreamResolvedEvent): StoredEvent | undefined {
  if (!event) return undefined;
  const { id, streamId, type, data, metadata, revision, created, position } = event;
  return {
    id,
    streamName: streamId,
    type,
    data,
    metadata: toMetadata(metadata),
    revision,
    position: position?.commit ?? commitPosition ?? 0n,
    createdAt: created,
  };
}

const NO_METADATA: EventMetadata = Object.freeze({});

/** Metadata that somebody else wrote in another form is none of ours. */
function toMetadata(metadata: unknown): EventMetadata {
  return typeof metadata === 'object' && metadata !== null && !(metadata instanceof Uint8Array) ? metadata : NO_METADATA;
}
