import type { Findings } from '../frame/report.ts';
import type { BenchOptions } from '../options.ts';
import { benchBurst } from './burst.ts';
import { benchDatabase } from './database.ts';
import { benchLatency } from './latency.ts';
import { LIFECYCLE_PARTS } from './parts.ts';

/** What happens to one tenant in its life: its home, made cold and taken from stock; suspension; rotation; and many creations at once. */
export async function benchLifecycle(options: BenchOptions, progress: (line: string) => void): Promise<Findings> {
  const findings: Findings = {
    metrics: [],
    goals: [],
    notes: [
      `In the database: ${options.tenants} of each tier, cold and from stock in turns; a home is made up to its tables, the logins are not opened.`,
      'A burst: from the first request until the read model shows the last tenant active; filling up the stock before it is not counted.',
      'Migrations of many tenants: npm run bench -- fleet.',
    ],
  };
  for (const part of options.parts) {
    switch (part) {
      case 'database':
      case 'latency': {
        const found = await (part === 'database' ? benchDatabase : benchLatency)(options, progress);
        findings.metrics.push(...found.metrics);
        findings.goals.push(...found.goals);
        break;
      }
      case 'burst':
        if (options.queued > 0) findings.metrics.push(...(await benchBurst(options, progress)));
        break;
      default:
        throw new TypeError(`--parts of lifecycle knows ${LIFECYCLE_PARTS}.`);
    }
  }
  return findings;
}
