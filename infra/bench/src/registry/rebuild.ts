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

/** Times row by row. */
const GOAL = 30;
/** So many that what a rebuild costs once, and the warming up of its process, count for little. */
const LEAST_ROWS = 50_000;
const ROWS_ONE_BY_ONE = 2000;

type Row = Record<string, unknown>;

/**
 * Rows per second of `npm run rebuild` (reading and folding every stream, filling the shadow table, swapping; without the start of its
 * process), beside the same rows written one after the other. As a projection has to: row, revision and position in one transaction. And
 * the least that could be called row by row: an upsert of the row alone.
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
      projected: () => withReadModel(stack, (client) => oneByOne(client, projectRow)),
      upserted: () => withReadModel(stack, (client) => oneByOne(client, upsertRow)),
    },
    {
      rounds: options.rounds,
      onFigure: (name, round, figure) => progress(`round ${round + 1}: ${name} ${Math.round(figure)} rows/s`),
    },
  );
  const times = metric('rounds', 'rebuild ÷ row by row', '', ratios(figures.rebuild, figures.projected));
  const rows = await withReadModel(stack, countRows);
  return {
    metrics: [
      metric('rounds', 'rebuild', 'rows/s', figures.rebuild),
      metric('rounds', 'row by row', 'rows/s', figures.projected),
      metric('rounds', 'row by row, the row alone', 'rows/s', figures.upserted),
      times,
      metric('rounds', 'rebuild ÷ row by row, the row alone', '', ratios(figures.rebuild, figures.upserted)),
    ],
    goals: [goal('rebuild beside row by row', times, 'at least', GOAL)],
    notes: [
      `Rebuild: ${rows} rows; row by row is timed over ${Math.min(rows, ROWS_ONE_BY_ONE)} of them: begin, the tenant’s row, its revision, the position, commit. “The row alone” is one upsert, which commits by itself; it keeps no position, so it could not go on after a stop.`,
    ],
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

interface Tenant {
  readonly config: Row;
  readonly revision: Row;
}

/** Rows per second, into tables like those of the read model. */
async function oneByOne(
  client: Client,
  write: (client: Client, tenant: Tenant, position: number) => Promise<void>,
): Promise<number> {
  const configs = await client.query<Row>('select * from tenant_configs order by tenant_id limit $1', [ROWS_ONE_BY_ONE]);
  const revisions = await client.query<Row>('select * from tenant_revisions order by tenant_id limit $1', [ROWS_ONE_BY_ONE]);
  await client.query('drop schema if exists bench cascade');
  await client.query('create schema bench');
  for (const table of ['tenant_configs', 'tenant_revisions', 'checkpoints']) {
    await client.query(`create table bench.${table} (like public.${table} including all)`);
  }
  const startedAt = performance.now();
  for (const [index, config] of configs.rows.entries()) {
    await write(client, { config, revision: revisions.rows[index] ?? {} }, index);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await client.query('drop schema bench cascade');
  return configs.rows.length / seconds;
}

const upsertRow = (client: Client, { config }: Tenant): Promise<void> => upsert(client, 'tenant_configs', config);

async function projectRow(client: Client, { config, revision }: Tenant, position: number): Promise<void> {
  await client.query('begin');
  await upsert(client, 'tenant_configs', config);
  await upsert(client, 'tenant_revisions', revision);
  await upsert(client, 'checkpoints', { name: 'bench', position });
  await client.query('commit');
}

/** The first column is the key. */
async function upsert(client: Client, table: string, row: Row): Promise<void> {
  const columns = Object.keys(row);
  const [key] = columns;
  await client.query({
    name: table,
    text: `insert into bench.${table} (${columns.join(', ')}) values (${columns.map((_, index) => `$${index + 1}`).join(', ')})
           on conflict (${key}) do update set ${columns.map((column) => `${column} = excluded.${column}`).join(', ')}`,
    values: Object.values(row),
  });
}
