import { cpuEach, cpuTimes } from '../frame/cpu.ts';
import { inFlight } from '../frame/in-flight.ts';
import { startPlatform } from '../frame/platform.ts';
import { createRegistryClient, type RegistryClient } from '../frame/registry-client.ts';
import { goal, metric, type Findings, type Metric } from '../frame/report.ts';
import { required } from '../frame/required.ts';
import { until } from '../frame/until.ts';
import type { BenchOptions } from '../options.ts';
import { createTenantLogin, type TenantLogin } from './tenant-login.ts';

/** Milliseconds at p99 from the request to active. */
const GOALS: Readonly<Record<string, number>> = { small: 300, standard: 1000, enterprise: 1000 };
const WARM_UP = 3;
const POLL_MS = 3;
const ACTIVE_DEADLINE_MS = 60_000;

interface Measured {
  activeMs: number;
  queryMs: number;
  /** Milliseconds from the request to each event of the tenant's stream. */
  events: { type: string; ms: number }[];
}

interface Context {
  pids: () => Readonly<Record<string, number>>;
  registry: RegistryClient;
  login: TenantLogin;
  options: BenchOptions;
  progress: (line: string) => void;
}

/**
 * From the request through the edge until the API says active, and until the first query with the issued credential has answered: one
 * tenant at a time, the tiers in turns. Then tenants per second when many are asked for at once.
 */
export async function benchProvisioning(options: BenchOptions, progress: (line: string) => void): Promise<Findings> {
  progress('starting the platform …');
  await using platform = await startPlatform({ dataDir: options.dataDir });
  const stack = platform.stack();
  const token = required(stack.tokens, 'tokens').operator;
  await using registry = createRegistryClient(required(stack.edge_url, 'edge_url'), token, options.inFlight);
  await using login = await createTenantLogin(stack);
  const context: Context = { pids: () => platform.stack().pids, registry, login, options, progress };

  const metrics: Metric[] = [];
  if (options.tenants > 0) metrics.push(...(await oneByOne(context)));
  if (options.queued > 0) for (const tier of options.tiers) metrics.push(...(await queued(context, tier)));
  return {
    metrics,
    goals: metrics.flatMap((each) => {
      const tier = /^(\w+): request → active$/.exec(each.name)?.[1];
      return tier === undefined ? [] : [goal(`${tier} tenant active`, each, 'at most', GOALS[tier] ?? 1000)];
    }),
    notes: [
      `One at a time: the API is asked every ${POLL_MS} ms; ${WARM_UP} tenants of each tier before are not counted.`,
      'Queued: from the first request until the read model shows the last tenant active.',
    ],
  };
}

async function oneByOne(context: Context): Promise<Metric[]> {
  const { options, progress } = context;
  const measured = new Map(options.tiers.map((tier) => [tier, new Array<Measured>()]));
  for (let round = -WARM_UP; round < options.tenants; round += 1) {
    for (const tier of round % 2 === 0 ? options.tiers : options.tiers.toReversed()) {
      const figures = await provision(context, `one-${tier}-${round + WARM_UP}`, tier);
      if (round >= 0) measured.get(tier)?.push(figures);
    }
    if ((round + 1) % 10 === 0) progress(`${round + 1} of ${options.tenants} tenants of each tier, one by one`);
  }
  return [...measured].flatMap(([tier, each]) => [
    metric(
      'samples',
      `${tier}: request → active`,
      'ms',
      each.map(({ activeMs }) => activeMs),
    ),
    metric(
      'samples',
      `${tier}: request → first query`,
      'ms',
      each.map(({ queryMs }) => queryMs),
    ),
    ...stepsOf(tier, each),
  ]);
}

async function provision({ registry, login }: Context, tenantId: string, tier: string): Promise<Measured> {
  const requestedAt = Date.now();
  const startedAt = performance.now();
  await registry.create({ tenant_id: tenantId, tier });
  await untilActive(registry, tenantId);
  const activeMs = performance.now() - startedAt;
  await login.query(tenantId);
  const queryMs = performance.now() - startedAt;
  const history = await registry.history(tenantId);
  return { activeMs, queryMs, events: history.map(({ type, time }) => ({ type, ms: time.getTime() - requestedAt })) };
}

async function untilActive(registry: RegistryClient, tenantId: string): Promise<void> {
  const isActive = async (): Promise<boolean> => {
    const { status, failure } = await registry.get(tenantId);
    if (status !== 'active' && status !== 'provisioning') throw new Error(`${tenantId} is ${status}: ${JSON.stringify(failure)}`);
    return status === 'active';
  };
  await until(isActive, { what: `${tenantId} to be active`, deadlineMs: ACTIVE_DEADLINE_MS, everyMs: POLL_MS });
}

/** When each event of the stream was recorded: where the time goes. */
function stepsOf(tier: string, measured: readonly Measured[]): Metric[] {
  const steps = new Map<string, number[]>();
  for (const { events } of measured) {
    for (const { type, ms } of events) steps.set(type, [...(steps.get(type) ?? []), ms]);
  }
  return [...steps].map(([type, values]) => metric('samples', `${tier}:   … ${type}`, 'ms', values));
}

async function queued({ pids, registry, login, options, progress }: Context, tier: string): Promise<Metric[]> {
  const prefix = `many-${tier}-`;
  const before = cpuTimes(pids());
  const startedAt = performance.now();
  await inFlight(options.queued, options.inFlight, (index) => registry.create({ tenant_id: `${prefix}${index}`, tier }));
  progress(`${options.queued} ${tier} tenants asked for in ${Math.round(performance.now() - startedAt)} ms`);
  await login.untilActive(prefix, options.queued);
  const seconds = (performance.now() - startedAt) / 1000;
  progress(`${options.queued} ${tier} tenants active after ${seconds.toFixed(1)} s`);
  return [
    metric('rounds', `${tier}: ${options.queued} queued`, 'tenants/s', [options.queued / seconds]),
    ...cpuEach(before, cpuTimes(pids()), options.queued).map(([name, each]) =>
      metric('rounds', `${tier}:   … cpu of ${name}`, 'ms a tenant', [each / 1000]),
    ),
  ];
}
