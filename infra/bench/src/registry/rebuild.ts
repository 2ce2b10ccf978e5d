import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Client } from 'pg';
import { inFlight } from '../frame/in-flight.ts';
import { ROOT } from '../frame/platform.ts';
import { createRegistryClient } from '../frame/registry-client.ts';
import { goal, metric, type Findings } from '../frame/report.ts';
import { required } from '../frame/required.ts';
import { alternate, ratios } from '../frame/rounds.ts';
import type { RegistryContext } from './context.ts';
import { untilQuiet, withReadModel } from './quiet.ts';

/** Times the row-by-row upserts. */
const GOAL = 30;
const LEAST_ROWS = 10_000;
const UPSERTED_ROWS = 2000;

type Row = Record<string, unknown>;

/**
 * Rows per second of `npm run rebuild` (reading and folding every stream, filling the shadow table, swapping; without the start of its
 * process), beside the same rows written one upsert after the other, each its own transaction.
 */
export async function benchRebuild({ platform, options, progress }: RegistryContext): Promise<Findings> {
  const stack = platform.stack();
  const token = required(stack.tokens, 'tokens').operator;
  await using registry = createRegistryClient(required(stack.service_urls['registry'], 'registry'), token, options.inFlight);
  await untilQuiet(stack);
  const missing = LEAST_ROWS - (await withReadModel(stack, countRows));
  if (missing > 0) {
    progress(`making ${missing} tenants more for the rebuild …`);
    await inFlight(missing, options.inFlight, (index) => registry.create({ tenant_id: `rebuild-${index}`, tier: 'standard' }));
    await untilQuiet(stack);
  }
  const figures = await alternate(
    {
      rebuild: () => rebuild(stack.data_dir),
      upserts: () => withReadModel(stack, upsertOneByOne),
    },
    {
      rounds: options.rounds,
      onFigure: (name, round, figure) => progress(`round ${round + 1}: ${name} ${Math.round(figure)} rows/s`),
    },
  );
  const times = metric('rounds', 'rebuild ÷ row by row', '', ratios(figures.rebuild, figures.upserts));
  const rows = await withReadModel(stack, countRows);
  return {
    metrics: [
      metric('rounds', 'rebuild', 'rows/s', figures.rebuild),
      metric('rounds', 'row-by-row upserts', 'rows/s', figures.upserts),
      times,
    ],
    goals: [goal('rebuild beside row-by-row upserts', times, 'at least', GOAL)],
    notes: [`Rebuild: ${rows} rows; the upserts are timed over ${Math.min(rows, UPSERTED_ROWS)} of them.`],
  };
}

async function countRows(client: Client): Promise<number> {
  const result = await client.query<{ n: number }>('select count(*)::int as n from tenant_configs');
  return result.rows[0]?.n ?? 0;
}

async function rebuild(dataDir: string): Promise<number> {
  const program = join(ROOT, 'infra/local/src/rebuild.ts');
  const env = { ...process.env, ULTRACORE_DATA_DIR: dataDir };
  const { stdout } = await promisify(execFile)(process.execPath, [program], { cwd: ROOT, env });
  const [, rows, seconds] = /(\d+) rows from \d+ events in ([\d.]+) s/.exec(stdout) ?? [];
  if (rows === undefined || seconds === undefined) throw new Error(`The rebuild did not say what it did: ${stdout}`);
  return Number(rows) / Number(seconds);
}

async function upsertOneByOne(client: Client): Promise<number> {
  await client.query('drop table if exists bench_upserts');
  await client.query('create table bench_upserts (like tenant_configs including all)');
  const { rows } = await client.query<Row>('select * from tenant_configs limit $1', [UPSERTED_ROWS]);
  const columns = Object.keys(rows[0] ?? {});
  const statement = {
    name: 'upsert',
    text: `insert into bench_upserts (${columns.join(', ')}) values (${columns.map((_, index) => `$${index + 1}`).join(', ')})
           on conflict (tenant_id) do update set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
  };
  const startedAt = performance.now();
  for (const row of rows) await client.query({ ...statement, values: columns.map((column) => row[column]) });
  const seconds = (performance.now() - startedAt) / 1000;
  await client.query('drop table bench_upserts');
  return rows.length / seconds;
}
