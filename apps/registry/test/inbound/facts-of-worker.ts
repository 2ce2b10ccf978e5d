import { createCommandHandler, type EventStore } from '@ultracore/event-sourcing';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import type { TenantFact } from '../../src/tenant/facts.ts';
import { factsOf, idOf, minutesLater } from '../tenant/examples.ts';

/** Records facts as they come from the worker: through another handler than the one of the HTTP side. */
export function createFacts(store: EventStore) {
  const say = async (id: string, ...facts: readonly TenantFact[]): Promise<void> => {
    const { handle } = createCommandHandler({ store, decider: tenantDecider, codec: tenantCodec, cacheSize: 10 });
    for (const fact of facts) {
      const requestId = idOf(`${fact.type} ${fact.data.requestId}`);
      await handle(
        streamOf(id),
        { type: 'RecordFact', fact, now: minutesLater(2) },
        {
          requestId,
          firstEventId: requestId,
          metadata: { actor: '/ultracore/provisioning-worker', causationId: fact.data.requestId },
        },
      );
    }
  };
  return {
    say,
    /** All that is said of a creation that succeeds. */
    activate: (id: string, request: string): Promise<void> => {
      const { started, issued, schema, migrated } = factsOf(request);
      return say(id, started, issued, schema, migrated);
    },
  };
}
