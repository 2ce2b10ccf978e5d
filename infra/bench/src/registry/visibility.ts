import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '@ultracore/local';
import { cpuEach, cpuTimes } from '../frame/cpu.ts';
import { openLoop } from '../frame/open-loop.ts';
import { createRegistryClient, type RegistryClient } from '../frame/registry-client.ts';
import { goal, metric, type Findings } from '../frame/report.ts';
import { required } from '../frame/required.ts';
import { until } from '../frame/until.ts';
import type { RegistryContext } from './context.ts';
import { untilQuiet, withReadModel } from './quiet.ts';

/** Milliseconds at p99 from the answer to a creation until a list shows the tenant. */
const GOAL_MS = 50;
const PER_SECOND = 500;
const WARM_UP_SECONDS = 20;
const SECONDS = 30;
/** The share of tenants that are looked for in the list. Drawn, so that no interval of the service is met always at the same place. */
const LISTED = 0.02;
const READING_AT_ONCE = 16;
/** Between two looks, at lists and at rows: looking costs what is looked at. */
const POLL_MS = 3;
const DEADLINE_MS = 30_000;

/**
 * Creations arrive at an even rate, whatever becomes of them. From the answer of each until a list over HTTP shows the tenant (for
 * some), and until its row is in the table that lists are read from (for all).
 */
export async function benchVisibility({ platform, options, progress }: RegistryContext): Promise<Findings> {
  const stack = platform.stack();
  const token = required(stack.tokens, 'tokens').operator;
  const url = required(stack.service_urls['registry'], 'registry');
  await using registry = createRegistryClient(url, token, options.inFlight);
  // On connections of its own: who reads a list does not wait behind those who create.
  await using reader = createRegistryClient(url, token, READING_AT_ONCE);
  progress(`warming up for ${WARM_UP_SECONDS} s …`);
  await measure({ stack, registry, reader }, { prefix: 'warming', seconds: WARM_UP_SECONDS });
  await untilQuiet(stack);
  progress(`${PER_SECOND} creations a second for ${SECONDS} s …`);
  const before = cpuTimes(stack.pids);
  const { answered, rows, listed, perSecond } = await measure(
    { stack, registry, reader },
    { prefix: 'visible', seconds: SECONDS },
  );
  await untilQuiet(stack);
  const cpu = cpuEach(before, cpuTimes(stack.pids), PER_SECOND * SECONDS);
  const inList = metric('samples', 'created → in a list', 'ms', listed);
  return {
    metrics: [
      metric('rounds', 'creations asked for', 'commands/s', [perSecond]),
      metric('samples', 'creation asked for → answered', 'ms', answered),
      inList,
      metric('samples', 'created → row in the read model', 'ms', rows),
      ...cpu.map(([name, each]) => metric('rounds', `cpu at ${PER_SECOND}/s: ${name}`, 'µs', [each])),
    ],
    goals: [goal(`a created tenant in a list, at ${PER_SECOND} commands/s`, inList, 'at most', GOAL_MS)],
    notes: [
      `Visibility: from the answer of the creation. In a list: until the answer of the first GET /v1/tenants that shows it, asked again ${POLL_MS} ms after each answer, for ${listed.length} tenants drawn at random. Row: for all, looked for every ${POLL_MS} ms. CPU: of a creation, with a look at the list for some.`,
    ],
  };
}

interface Seen {
  perSecond: number;
  /** Milliseconds, one a tenant. */
  answered: number[];
  rows: number[];
  listed: number[];
}

async function measure(
  { stack, registry, reader }: { stack: Stack; registry: RegistryClient; reader: RegistryClient },
  { prefix, seconds }: { prefix: string; seconds: number },
): Promise<Seen> {
  const idOf = (index: number): string => `${prefix}${String(index).padStart(6, '0')}`;
  const answered: number[] = [];
  const listed: number[] = [];
  const watch = watchRows(stack);
  const perSecond = await openLoop({ count: PER_SECOND * seconds, perSecond: PER_SECOND }, async (index, dueAt) => {
    const tenantId = idOf(index + 1);
    await registry.create({ tenant_id: tenantId, tier: 'small' });
    const createdAt = performance.now();
    answered.push(createdAt - dueAt);
    watch.expect(tenantId, createdAt);
    if (Math.random() >= LISTED) return;
    await untilListed(reader, tenantId, { after: idOf(index) });
    listed.push(performance.now() - createdAt);
  });
  return { perSecond, answered, listed, rows: await watch.end() };
}

/** `after` is the id before it, so that the shortest page is enough. */
async function untilListed(reader: RegistryClient, tenantId: string, { after }: { after: string }): Promise<void> {
  await until(async () => (await reader.list({ after, limit: 1 })).includes(tenantId), {
    what: `${tenantId} to be in a list`,
    deadlineMs: DEADLINE_MS,
    everyMs: POLL_MS,
  });
}

/** Looks for the rows of tenants that were created until all have been seen. */
function watchRows(stack: Stack) {
  const missing = new Map<string, number>();
  const seen: number[] = [];
  const ending = new AbortController();
  const watching = withReadModel(stack, async (client) => {
    let lastSeenAt = performance.now();
    while (!ending.signal.aborted || missing.size > 0) {
      const asked = [...missing.keys()];
      const { rows } = await client.query<{ tenant_id: string }>({
        name: 'visible',
        text: 'select tenant_id from tenant_configs where tenant_id = any($1)',
        values: [asked],
      });
      const now = performance.now();
      for (const { tenant_id: tenantId } of rows) {
        seen.push(now - (missing.get(tenantId) ?? now));
        missing.delete(tenantId);
      }
      if (rows.length > 0 || asked.length === 0) lastSeenAt = now;
      if (now - lastSeenAt > DEADLINE_MS) throw new Error(`${missing.size} tenants were in no row within ${DEADLINE_MS} ms.`);
      await sleep(POLL_MS);
    }
    return seen;
  });
  // Its failure is for whoever ends it.
  watching.catch(() => undefined);
  return {
    expect(tenantId: string, createdAt: number): void {
      missing.set(tenantId, createdAt);
    },
    /** Milliseconds from each creation until its row was seen. */
    end(): Promise<number[]> {
      ending.abort();
      return watching;
    },
  };
}
