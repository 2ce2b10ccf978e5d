import {
  createCommandHandler,
  createInMemoryEventStore,
  eventId,
  isCommandRefused,
  type CommandHandler,
} from '@ultracore/event-sourcing';
import { waitFor } from '@ultracore/testkit';
import * as fc from 'fast-check';
import { v5 } from 'uuid';
import { describe, expect, test } from 'vitest';
import { rebuildTenants } from '../../src/readmodel/rebuild.ts';
import { toReadModelRow } from '../../src/readmodel/tenants.ts';
import { streamOf, tenantCodec } from '../../src/tenant/codec.ts';
import type { TenantCommand } from '../../src/tenant/commands.ts';
import { tenantDecider } from '../../src/tenant/decider.ts';
import type { TenantEvent } from '../../src/tenant/events.ts';
import type { TenantState } from '../../src/tenant/state.ts';
import { freshTenantId, openBackends, startProjector, storedRows } from '../backends.ts';
import { history } from '../tenant/histories.ts';

const TENANTS = 200;
const AT_ONCE = 20;
/** ULTRACORE_TEST_SEED repeats a run. */
const seed = Number(process.env['ULTRACORE_TEST_SEED']) || Date.now() % 1_000_000;

type Commands = CommandHandler<TenantState, TenantCommand, TenantEvent>;
interface Delivery {
  readonly command: TenantCommand;
  /** Names the request; the same command delivered again has the same. */
  readonly requestId: string;
}

/** Each tenant's history, some of it delivered again at once or at the end. */
const deliveries: fc.Arbitrary<Delivery[]> = fc
  .tuple(history, fc.array(fc.nat({ max: 80 }), { maxLength: 8 }), fc.array(fc.nat({ max: 80 }), { maxLength: 8 }))
  .map(([commands, atOnce, atEnd]) => {
    const each = commands.map((command, n) => ({ command, requestId: requestOf(command, n) }));
    const again = (n: number): Delivery[] => each.slice(n, n + 1);
    return [...each.flatMap((delivery, n) => (atOnce.includes(n) ? [delivery, delivery] : [delivery])), ...atEnd.flatMap(again)];
  });

/** What is said of a request has one id however often it is said; of commands each is a request of its own. */
const requestOf = (command: TenantCommand, n: number): string =>
  v5(command.type === 'RecordFact' ? `${command.fact.type} ${command.fact.data.requestId}` : `command ${n}`, v5.DNS);

/** The tenant by the decider alone: what every store has to agree with. */
function createModel(tenantId: string) {
  let state = tenantDecider.initialState();
  const known = new Set<string>();
  return {
    state: () => state,
    /** The code of a refusal, or nothing. */
    deliver({ command, requestId }: Delivery): string | undefined {
      if (known.has(requestId)) return undefined;
      try {
        const events = tenantDecider.decide(of(tenantId, command), state);
        state = events.reduce(tenantDecider.evolve, state);
        known.add(requestId);
        return undefined;
      } catch (error) {
        if (isCommandRefused(error)) return error.code;
        throw error;
      }
    },
  };
}

const of = (tenantId: string, command: TenantCommand): TenantCommand =>
  command.type === 'CreateTenant' ? { ...command, tenantId } : command;

async function deliver(commands: Commands, tenantId: string, { command, requestId }: Delivery): Promise<string | undefined> {
  // Event ids are the whole log's: a request of one tenant is none of another.
  const own = eventId(requestId, tenantId);
  try {
    await commands.handle(streamOf(tenantId), of(tenantId, command), { requestId: own, metadata: { actor: 'op-1' } });
    return undefined;
  } catch (error) {
    if (isCommandRefused(error)) return error.code;
    throw error;
  }
}

describe(`random histories of tenants (seed ${seed})`, { timeout: 180_000 }, () => {
  test('leave rows that equal the folds of the streams, column by column, by the projector and by a rebuild', async () => {
    await using backends = await openBackends();
    const { pool } = backends;
    const store = createInMemoryEventStore();
    startProjector({ pool, store });
    // A small cache: streams are read again and folds carried on, as after a restart.
    const commands = createCommandHandler({ store, decider: tenantDecider, codec: tenantCodec, cacheSize: 20 });
    const histories = fc.sample(deliveries, { seed, numRuns: TENANTS });
    const delivered = histories.reduce((total, each) => total + each.length, 0);
    expect(delivered).toBeGreaterThanOrEqual(5_000);

    const states = new Map<string, TenantState>();
    const live = async (each: readonly Delivery[]): Promise<void> => {
      const tenantId = freshTenantId();
      const model = createModel(tenantId);
      for (const delivery of each) {
        expect(await deliver(commands, tenantId, delivery), `${tenantId}: ${delivery.command.type}`).toBe(
          model.deliver(delivery),
        );
      }
      states.set(tenantId, model.state());
    };
    for (let n = 0; n < histories.length; n += AT_ONCE) await Promise.all(histories.slice(n, n + AT_ONCE).map(live));

    const expected = [...states.values()]
      .flatMap((state) => (state.status === 'none' ? [] : [{ ...toReadModelRow(state), master_password_hash: null }]))
      .toSorted((a, b) => (a.tenant_id < b.tenant_id ? -1 : 1));
    expect(new Set(expected.map((row) => row.status)).size, 'all statuses are among them').toBe(6);
    const ids = expected.map((row) => row.tenant_id);
    const rows = await waitFor(
      async () => {
        const stored = await storedRows(pool, ids);
        const isUpToDate = expected.every((row, n) => stored[n]?.revision === row.revision);
        return isUpToDate ? stored : undefined;
      },
      { what: 'the projector to be up to date', deadlineMs: 60_000 },
    );
    expect(rows).toEqual(expected);
    expect((await pool.query('select from tenant_configs')).rowCount).toBe(expected.length);

    await pool.query("update tenant_configs set tenant_name = 'spoilt', status = 'spoilt', readonly_db_port = 1");
    await pool.query('update tenant_revisions set purge_from = now(), password_since = now(), drift_since = now()');
    expect(await rebuildTenants({ pool, store })).toMatchObject({ rows: expected.length });
    expect(await storedRows(pool, ids)).toEqual(expected);
  });
});
