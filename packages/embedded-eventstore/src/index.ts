export { EventStoreServerError, type EventStoreServerErrorCode, isEventStoreServerError } from './errors.ts';
export { type EventStoreOptions, type EventStoreServer, startEventStore } from './server.ts';
