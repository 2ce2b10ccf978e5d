export { deciderSpec } from './decider-spec.ts';
export { eventStoreContract, type EventStoreUnderTest } from './event-store-contract.ts';
