/** Holds a lease that it never renews and says on every turn of the event loop whether it believes to hold it. */
import { createLease, createPool } from '../src/index.ts';

const [connectionString = ''] = process.argv.slice(2);
const pool = createPool({ connectionString, applicationName: 'lease-holder', logger: { warn: () => undefined } });
const token = await createLease(pool, { schema: 'app', name: 'relay', holder: 'child', ttlMs: 700 }).acquire();
await pool.end();

function report(): void {
  const held = token?.held() ?? false;
  process.stdout.write(held ? 'held\n' : 'lost\n');
  if (held) setTimeout(report, 5);
}
report();
