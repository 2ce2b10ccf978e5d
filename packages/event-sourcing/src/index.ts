export { createEventCodec, type DecodableEvent, type EventCodec, type EventVersions } from './codec.ts';
export {
  createCommandHandler,
  type CommandHandler,
  type Handled,
  type HandleOptions,
  type PlannedAppend,
} from './command-handler.ts';
export type { Decider, DomainEvent } from './decider.ts';
export {
  CommandRefused,
  EventSourcingError,
  type EventSourcingErrorCode,
  isCommandRefused,
  isEventSourcingError,
  isVersionConflict,
  VersionConflict,
} from './errors.ts';
export { eventId } from './event-id.ts';
export type {
  EventMetadata,
  EventStore,
  ExpectedRevision,
  NewEvent,
  ReadStreamOptions,
  StoredEvent,
  SubscribeToAllOptions,
  Subscription,
} from './event-store.ts';
export { createInMemoryEventStore } from './in-memory.ts';
