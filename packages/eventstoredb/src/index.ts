export { EventStoreDbError, type EventStoreDbErrorCode, isEventStoreDbError } from './errors.ts';
export { createEventStoreDb, type EventStoreDb, type EventStoreDbOptions } from './event-store-db.ts';
export type { EventStoreDbSubscription } from './subscription.ts';
