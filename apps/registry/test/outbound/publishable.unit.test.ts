import { createCommandHandler, createInMemoryEventStore, type EventMetadata } from '@ultracore/event-sourcing';
import { describe, expect, test } from 'vitest';
import { publishingFault } from '../../src/outbound/publishable.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import type { TenantCommand } from '../../src/tenant/commands.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import { createCommand, factsOf, idOf, record } from '../tenant/examples.ts';

const request = idOf('creation');
const facts = factsOf(request);

/** A registry that stores nothing it cannot publish. */
function registry() {
  const store = createInMemoryEventStore();
  const commands = createCommandHandler({
    store,
    decider: tenantDecider,
    codec: tenantCodec,
    cacheSize: 10,
    check: publishingFault,
  });
  const stream = streamOf(createCommand.tenantId);
  return {
    say: (name: string, command: TenantCommand, metadata: EventMetadata = {}) =>
      commands.handle(stream, command, { requestId: idOf(name), metadata }),
    stored: async () => (await store.readStream(stream)).events.length,
  };
}

describe('before anything is stored', () => {
  test('what the contract allows passes, through a whole life', async () => {
    const { say, stored } = registry();
    await say('create', createCommand, { correlationId: 'call-1' });
    for (const [name, fact] of Object.entries(facts)) await say(name, record(fact));
    // The creation, every fact, and the activation that the facts lead to.
    expect(await stored()).toBe(2 + Object.keys(facts).length);
  });

  test.each([
    ['TenantCreatedEvent: tenant_name', { tenantName: '' }],
    ['TenantCreatedEvent: created_at', { now: 'yesterday' }],
    ['TenantCreatedEvent: max_connections', { settings: { ...createCommand.settings, maxConnections: 1e9 } }],
  ])('a creation that is none of the contract is refused by its field: %s', async (fault, more) => {
    const { say, stored } = registry();
    const asked = say('create', { ...createCommand, placement: { ...createCommand.placement, connectionBudget: null }, ...more });
    await expect(asked).rejects.toMatchObject({ code: 'event_not_publishable', message: expect.stringContaining(fault) });
    expect(await stored()).toBe(0);
  });

  test('an envelope that no reader would take is refused', async () => {
    const { say, stored } = registry();
    await expect(say('create', createCommand, { correlationId: 'x'.repeat(513) })).rejects.toThrow('ce_correlationid');
    expect(await stored()).toBe(0);
  });

  test('a directory row that is none of the contract is refused, though its event is good', async () => {
    const { say, stored } = registry();
    await say('create', createCommand);
    const state = tenantDecider.evolve(tenantDecider.initialState(), {
      type: 'TenantCreated',
      data: { ...createCommand, dbHost: 'pg', dbPort: 5432, createdAt: createCommand.now },
    });
    if (state.status === 'none') throw new Error('there is no tenant');
    expect(publishingFault({ streamName: 'tenant-a', events: [], state: { ...state, life: 0 } })).toContain('life');
    expect(await stored()).toBe(1);
  });
});
