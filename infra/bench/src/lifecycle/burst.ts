import type { Stack } from '@ultracore/local';
import { Client } from 'pg';
import { inFlight } from '../frame/in-flight.ts';
import { startPlatform } from '../frame/platform.ts';
import { createRegistryClient } from '../frame/registry-client.ts';
import { metric, type Metric } from '../frame/report.ts';
import { required } from '../frame/required.ts';
import { ratios } from '../frame/rounds.ts';
import { until } from '../frame/until.ts';
import type { BenchOptions } from '../options.ts';
import { createTenantLogin } from '../provisioning/tenant-login.ts';

const VARIANTS = ['cold', 'from stock'] as const;
type Variant = (typeof VARIANTS)[number];

/** The worker keeps no more on one server. */
const MOST_IN_STOCK = 1000;

/**
 * `--queued` tenants asked for at once, until the last is active: on a platform without a stock, and on one that has a home in stock for each.
 * Each burst has a platform of its own, because a server gets slower with every role that it has. Between the claims the worker does
 * not fill up the stock.
 */
export async function benchBurst(options: BenchOptions, progress: (line: string) => void): Promise<Metric[]> {
  const metrics: Metric[] = [];
  for (const tier of options.tiers) {
    if (tier !== 'standard' && tier !== 'enterprise') continue;
    const figures = { cold: new Array<number>(), 'from stock': new Array<number>() } satisfies Record<Variant, number[]>;
    for (let round = 0; round < options.bursts; round += 1) {
      for (const variant of round % 2 === 0 ? VARIANTS : VARIANTS.toReversed()) {
        figures[variant].push(await burst(options, tier, variant, progress));
      }
    }
    metrics.push(
      ...VARIANTS.map((variant) =>
        metric('rounds', `${tier}: ${options.queued} at once, ${variant}`, 'tenants/s', figures[variant]),
      ),
      metric('rounds', `${tier}: ${options.queued} at once, from stock ÷ cold`, '', ratios(figures['from stock'], figures.cold)),
    );
  }
  return metrics;
}

/** Tenants per second. */
async function burst(
  options: BenchOptions,
  tier: 'standard' | 'enterprise',
  variant: Variant,
  progress: (line: string) => void,
): Promise<number> {
  const { dataDir, queued, inFlight: width } = options;
  const stocked = variant === 'from stock' ? Math.min(queued, MOST_IN_STOCK) : 0;
  progress(`starting a platform with ${stocked} ${tier} homes in stock …`);
  await using platform = await startPlatform({ dataDir, env: { [`WORKER_STOCK_${tier.toUpperCase()}`]: String(stocked) } });
  const stack = platform.stack();
  await untilStocked(stack, stocked);
  const origin = required(stack.edge_url, 'edge_url');
  await using registry = createRegistryClient(origin, required(stack.tokens, 'tokens').operator, width);
  await using login = await createTenantLogin(stack);
  const prefix = `burst-${tier}-`;
  const startedAt = performance.now();
  await inFlight(queued, width, (index) => registry.create({ tenant_id: `${prefix}${index}`, tier }));
  await login.untilActive(prefix, queued);
  const seconds = (performance.now() - startedAt) / 1000;
  progress(`${queued} ${tier} tenants, ${variant}, active after ${seconds.toFixed(1)} s`);
  return queued / seconds;
}

async function untilStocked(stack: Stack, wanted: number): Promise<void> {
  const { host, port, user, password } = required(stack.postgres, 'postgres');
  const client = new Client({ host, port, user, password, database: 'ultracore__worker' });
  await client.connect();
  try {
    await until(
      async () => {
        const { rows } = await client.query<{ n: number }>(
          "select count(*)::int as n from worker.stock_home where state = 'ready'",
        );
        return (rows[0]?.n ?? 0) >= wanted;
      },
      { what: `${wanted} homes in stock`, deadlineMs: 30 * 60_000, everyMs: 50 },
    );
  } finally {
    await client.end();
  }
}
