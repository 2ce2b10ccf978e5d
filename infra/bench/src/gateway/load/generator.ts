import type { Channel, Request } from './channel.ts';
import { Connections } from './connections.ts';
import { createHistogram } from './histogram.ts';
import { httpRequest, openHttpChannel } from './http-channel.ts';
import type { Load, RunResult } from './messages.ts';
import { drawIndexes, seededRandom } from './random.ts';
import { openWireChannel, statementName } from './wire-channel.ts';
import { goodTail, wireRequest } from './wire-messages.ts';
import { callsOf, textsOf } from '../workload.ts';

const SEQUENCE = 1 << 16;
const CHECK_EVERY = 256;
const DRAIN_DEADLINE_MS = 30_000;
const LOGINS_AT_ONCE = 16;

/** Connections and requests of one load, made before anything is measured. */
export interface Generator {
  /** Requests one after the other on every client for so long, then waits for what is under way. */
  run(ms: number): Promise<RunResult>;
  /** Requests at random times (a Poisson process for each tenant), whatever is under way. */
  pace(ms: number): Promise<RunResult>;
  close(): void;
}

/** Opens what the load needs to begin with. Rejects when the contender refuses a connection. */
export async function createGenerator(load: Load): Promise<Generator> {
  const { target, tenants, clients, seed, workload, checkEvery = CHECK_EVERY } = load;
  const random = seededRandom(seed);
  const texts = textsOf(workload);
  const requests = tenants.map((tenant) => requestsOf(load, tenant, random));
  const sum = tenants.reduce((total, { share }) => total + share, 0);
  const shares = tenants.map(({ share }) => share / sum);
  const sequence = drawIndexes(shares, SEQUENCE, random);
  let drawn = 0;
  let sent = 0;

  // Over HTTP any connection will do for any tenant; but one group must not wait for what another does.
  const keyOf = (tenant: number): number => (target.protocol === 'http' ? (tenants[tenant]?.group ?? 0) : tenant);
  const pools = new Map(
    tenants.map((_, tenant) => [keyOf(tenant), new Connections(clients, () => open(tenant))] as const).toReversed(),
  );
  const all = new Set<Channel>();

  let tally = createTally(tenants.reduce((most, { group }) => Math.max(most, group), 0) + 1);
  let underWay = 0;
  let onFree: (() => void) | undefined;
  let onIdle: (() => void) | undefined;

  const answered = (channel: Channel, failure: string | undefined, answer: Buffer | undefined): void => {
    const { request } = channel;
    if (request === undefined) return;
    channel.request = undefined;
    underWay -= 1;
    tally.record(request, performance.now() - channel.since, failure, answer);
    if (!channel.open) all.delete(channel);
    pools.get(channel.pool)?.giveBack(channel);
    onFree?.();
    if (underWay === 0) onIdle?.();
  };

  async function open(tenant: number): Promise<Channel> {
    const login = tenants[tenant];
    if (login === undefined) throw new RangeError(`There is no tenant ${tenant}.`);
    const channel = await (target.protocol === 'http'
      ? openHttpChannel(target, answered)
      : openWireChannel(target, login, texts, answered));
    channel.pool = keyOf(tenant);
    all.add(channel);
    return channel;
  }

  function send(channel: Channel, tenant: number, since: number): void {
    const choices = requests[tenant] ?? [];
    sent += 1;
    const request = choices[sent % choices.length];
    if (request === undefined) return;
    channel.request = request;
    channel.sampled = sent % checkEvery === 0;
    channel.since = since;
    channel.send(request);
  }

  /** Sends for the tenant as soon as there is a connection; its time counts from now. */
  function dispatch(tenant: number): void {
    underWay += 1;
    const since = performance.now();
    pools.get(keyOf(tenant))?.take(
      (channel) => send(channel, tenant, since),
      (error) => {
        underWay -= 1;
        tally.refused(error instanceof Error ? error.message : String(error));
        // Not at once again: a contender that refuses would be asked without end.
        setTimeout(() => {
          onFree?.();
          if (underWay === 0) onIdle?.();
        }, 10);
      },
    );
  }

  const next = (): number => {
    drawn = (drawn + 1) % SEQUENCE;
    return sequence[drawn] ?? 0;
  };

  async function measured(work: () => Promise<number>): Promise<RunResult> {
    tally = createTally(tally.groups);
    const cpu = process.cpuUsage();
    const seconds = (await work()) / 1000;
    const spent = process.cpuUsage(cpu);
    return { ...tally.result(), seconds, cpuUs: spent.user + spent.system, connections: all.size };
  }

  /** Answers with the time since the start when nothing is under way any more. */
  async function drained(startedAt: number): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      if (underWay === 0) resolve();
      onIdle = resolve;
      const late = `${DRAIN_DEADLINE_MS / 1000} s after the last request was sent some were not answered.`;
      setTimeout(() => reject(new Error(late)), DRAIN_DEADLINE_MS).unref();
    });
    return performance.now() - startedAt;
  }

  await openInitial(load, shares, (tenant) => pools.get(keyOf(tenant))?.add() ?? Promise.resolve());

  return {
    run: (ms) =>
      measured(async () => {
        const startedAt = performance.now();
        const until = startedAt + ms;
        onFree = () => {
          if (performance.now() < until) dispatch(next());
        };
        for (let client = 0; client < clients; client += 1) dispatch(next());
        await new Promise((resolve) => setTimeout(resolve, ms));
        return drained(startedAt);
      }),
    pace: (ms) =>
      measured(async () => {
        onFree = undefined;
        const startedAt = performance.now();
        await paced(tenants, random, startedAt + ms, dispatch);
        return drained(startedAt);
      }),
    close() {
      onFree = undefined;
      for (const channel of all) channel.close();
      all.clear();
    },
  };
}

/** Every request that the tenant will send, as bytes; few for each where there are many tenants. */
function requestsOf({ target, workload, tenants }: Load, tenant: Load['tenants'][number], random: () => number): Request[] {
  const texts = textsOf(workload);
  const count = workload === 'rows' ? 1 : Math.max(20, Math.floor(4000 / tenants.length / 10) * 10);
  return callsOf(workload, tenant.tenantId, count, random).map((call) => ({
    call,
    group: tenant.group,
    tail: goodTail(call.tag),
    bytes:
      target.protocol === 'http'
        ? httpRequest(target, tenant, call)
        : wireRequest(call, target.prepared ? statementName(texts.indexOf(call.text)) : undefined),
  }));
}

/** As many connections as will be needed nearly always, so that logins do not disturb the measurement. */
async function openInitial(load: Load, shares: readonly number[], open: (tenant: number) => Promise<void>): Promise<void> {
  const { target, clients, tenants } = load;
  const groups = new Map(tenants.map(({ group }, tenant) => [group, tenant]));
  const tenantOf =
    target.protocol === 'http'
      ? [...groups.values()].flatMap((tenant) => Array.from({ length: clients }, () => tenant))
      : shares.flatMap((share, tenant) => {
          const expected = share * clients;
          // Four standard deviations above what a tenant has under way on average.
          const most = shares.length === 1 ? clients : Math.min(clients, Math.ceil(expected + 4 * Math.sqrt(expected)));
          return Array.from({ length: most }, () => tenant);
        });
  for (let at = 0; at < tenantOf.length; at += LOGINS_AT_ONCE) {
    await Promise.all(tenantOf.slice(at, at + LOGINS_AT_ONCE).map(open));
  }
}

/** Calls `dispatch` for each arrival until the deadline; arrivals of each tenant are a Poisson process with its share as rate a second. */
async function paced(
  tenants: Load['tenants'],
  random: () => number,
  until: number,
  dispatch: (tenant: number) => void,
): Promise<void> {
  const gap = (rate: number): number => (-Math.log(1 - random()) / rate) * 1000;
  const due = tenants.map(({ share }) => performance.now() + gap(share));
  while (performance.now() < until) {
    const now = performance.now();
    for (const [tenant, { share }] of tenants.entries()) {
      let at = due[tenant] ?? until;
      while (at <= now) {
        dispatch(tenant);
        at += gap(share);
      }
      due[tenant] = at;
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

function createTally(groups: number) {
  const latencies = Array.from({ length: groups }, createHistogram);
  let requests = 0;
  let failed = 0;
  let checked = 0;
  let wrong = 0;
  let firstFailure: string | undefined;
  const fail = (reason: string): void => {
    failed += 1;
    firstFailure ??= reason;
  };
  return {
    groups,
    record(request: Request, ms: number, failure: string | undefined, answer: Buffer | undefined): void {
      requests += 1;
      latencies[request.group]?.record(ms);
      if (failure !== undefined) fail(answer === undefined ? failure : `${failure}: ${answer.toString('utf8', 0, 300)}`);
      else if (answer !== undefined && request.call.holds !== undefined) {
        checked += 1;
        if (!answer.includes(request.call.holds)) wrong += 1;
      }
    },
    refused: fail,
    result: () => ({
      requests,
      failed,
      checked,
      wrong,
      firstFailure,
      latencies: latencies.map((histogram) => histogram.counts()),
    }),
  };
}
