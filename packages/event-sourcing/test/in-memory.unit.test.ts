import { createInMemoryEventStore } from '@ultracore/event-sourcing';
import { eventStoreContract } from '@ultracore/event-sourcing/testing';

eventStoreContract('in memory', () => Promise.resolve({ store: createInMemoryEventStore(), close: () => Promise.resolve() }));
