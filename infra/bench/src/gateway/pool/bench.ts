import { cpuTimes } from '../../frame/cpu.ts';
import { metric, type Metric, type Table } from '../../frame/report.ts';
import { alternate, ratios } from '../../frame/rounds.ts';
import { startWorker } from '../../frame/worker.ts';
import type { BenchTenant } from '../homes.ts';
import type { BenchServer } from '../server.ts';
import { CONNECTIONS, type PoolLogin, type PoolOrder, type PoolResult, type Variant, VARIANTS } from './messages.ts';

interface PoolOptions {
  server: BenchServer;
  tenant: BenchTenant;
  clients: readonly number[];
  rounds: number;
  seconds: number;
  progress: (line: string) => void;
}

interface Cell {
  name: string;
  turns: Map<Variant, (PoolResult & { postgresUs: number })[]>;
}

/** tenant-pool inside a Node program against `pg`, with the same few connections, in turns. */
export async function benchPool(options: PoolOptions): Promise<{ metrics: Metric[]; tables: Table[] }> {
  const { server, tenant, clients } = options;
  const login: PoolLogin = {
    host: server.socketDirectory,
    port: server.port,
    tenantId: tenant.home.tenantId,
    user: tenant.names.role,
    password: tenant.passwords.readWrite,
    database: tenant.names.database,
  };
  await using worker = startWorker<PoolOrder, PoolResult>('The pool program', new URL('main.ts', import.meta.url), [
    JSON.stringify(login),
  ]);
  const cells: Cell[] = [];
  for (const workload of ['point', 'rows'] as const) {
    for (const callers of clients) cells.push(await measureCell(options, worker, workload, callers));
  }
  return { metrics: cells.flatMap(metricsOf), tables: [tableOf(cells)] };
}

async function measureCell(
  { server, rounds, seconds, progress }: PoolOptions,
  worker: { ask(order: PoolOrder): Promise<PoolResult> },
  workload: PoolOrder['workload'],
  callers: number,
): Promise<Cell> {
  const name = `${workload === 'point' ? 'point select' : '1,000-row select'}, ${callers} caller${callers === 1 ? '' : 's'}`;
  const turns: Cell['turns'] = new Map(VARIANTS.map((variant) => [variant, []]));
  const variants = Object.fromEntries(
    VARIANTS.map((variant) => [
      variant,
      async (round: number) => {
        const before = cpuTimes({ postgres: server.pid });
        const result = await worker.ask({ variant, workload, callers, ms: seconds * 1000 });
        const postgresUs = (cpuTimes({ postgres: server.pid }).get('postgres') ?? Number.NaN) - (before.get('postgres') ?? 0);
        if (round >= 0) turns.get(variant)?.push({ ...result, postgresUs });
        return result.requests / result.seconds;
      },
    ]),
  );
  const figures = await alternate(variants, { rounds });
  progress(
    `in process, ${name}: ${Object.entries(figures)
      .map(([each, values]) => `${each} ${values.map((value) => Math.round(value)).join(' ')}`)
      .join(' · ')} queries/s`,
  );
  return { name: `in process: ${name}`, turns };
}

const FIGURES = [
  { label: 'queries', unit: '/s', of: ({ requests, seconds }: PoolResult) => requests / seconds },
  { label: 'p50', unit: 'ms', of: ({ p50 }: PoolResult) => p50 },
  { label: 'p99', unit: 'ms', of: ({ p99 }: PoolResult) => p99 },
  { label: 'CPU of the program', unit: 'µs a query', of: ({ cpuUs, requests }: PoolResult) => cpuUs / requests },
] as const;

function metricsOf({ name, turns }: Cell): Metric[] {
  const perSecond = (variant: Variant): number[] => (turns.get(variant) ?? []).map(({ requests, seconds }) => requests / seconds);
  return [
    ...[...turns].flatMap(([variant, results]) =>
      FIGURES.map(({ label, unit, of }) => ({
        ...metric('rounds', `${name}: ${variant}: ${label}`, unit, results.map(of)),
        inTable: true,
      })),
    ),
    metric('rounds', `${name}: tenant-pool query ÷ pg`, '×', ratios(perSecond('tenant-pool query'), perSecond('pg'))),
    metric(
      'rounds',
      `${name}: tenant-pool query ÷ pg pipeline`,
      '×',
      ratios(perSecond('tenant-pool query'), perSecond('pg pipeline')),
    ),
    metric(
      'rounds',
      `${name}: tenant-pool submit ÷ pg pipeline`,
      '×',
      ratios(perSecond('tenant-pool submit'), perSecond('pg pipeline')),
    ),
  ];
}

function tableOf(cells: readonly Cell[]): Table {
  return {
    title: `In one Node program with ${CONNECTIONS} connections; medians of the rounds, CPU in µs a query`,
    columns: ['', 'asked through', 'queries/s', 'min–max', 'p50 ms', 'p99 ms', 'CPU', 'Postgres'],
    rows: cells.flatMap(({ name, turns }) =>
      [...turns].map(([variant, results], index) => {
        const median = (of: (result: PoolResult & { postgresUs: number }) => number): number =>
          metric('rounds', '', '', results.map(of)).median;
        const perSecond = results.map(FIGURES[0].of);
        return [
          index === 0 ? name : '',
          variant,
          String(Math.round(median(FIGURES[0].of))),
          `${Math.round(Math.min(...perSecond))}–${Math.round(Math.max(...perSecond))}`,
          median(({ p50 }) => p50).toFixed(2),
          median(({ p99 }) => p99).toFixed(2),
          median(({ cpuUs, requests }) => cpuUs / requests).toFixed(1),
          median(({ postgresUs, requests }) => postgresUs / requests).toFixed(1),
        ];
      }),
    ),
  };
}
