import { join } from 'node:path';
import { goal, metric, type Goal, type Metric, type Table } from '../frame/report.ts';
import { alternate, ratios } from '../frame/rounds.ts';
import { CONTENDER_NAMES, type Contender, type ContenderName } from './contenders/contender.ts';
import { connectionsOf } from './connections.ts';
import type { LoadControl } from './load/control.ts';
import type { ClientLogin } from './load/messages.ts';
import { turn, type Turn } from './measure.ts';
import { profileTurn } from './profile.ts';
import type { BenchServer } from './server.ts';
import { WORKLOAD_NAMES, type Workload } from './workload.ts';

export interface Competitor {
  contender: Contender;
  load: LoadControl;
}

export interface SpeedOptions {
  competitors: readonly Competitor[];
  server: BenchServer;
  /** By its name in the report, whose requests they are. */
  crowds: Readonly<Record<string, ClientLogin[]>>;
  workloads: readonly Workload[];
  clients: readonly number[];
  rounds: number;
  seconds: number;
  /** Directory for CPU profiles of contenders that have an inspector; each is taken in a turn that is not counted. */
  profile: string | undefined;
  progress: (line: string) => void;
}

export interface SpeedFindings {
  metrics: Metric[];
  goals: Goal[];
  tables: Table[];
}

/** The number of clients at which the goals hold. */
const GOAL_CLIENTS = 64;
const SEED = 20_260_101;
const WARM_UP_CLIENTS = 32;
const WARM_UP_MS = 5000;

interface Cell {
  name: string;
  workload: Workload;
  clients: number;
  turns: ReadonlyMap<ContenderName, Seen[]>;
}

/** A turn, and the connections to Postgres after it. */
type Seen = Turn & { connections: number };

/** Every workload, crowd and number of clients: the contenders in turns, each round in the other order. */
export async function measureSpeed(options: SpeedOptions): Promise<SpeedFindings> {
  await warmUp(options);
  const cells: Cell[] = [];
  for (const workload of options.workloads) {
    for (const [crowd, tenants] of Object.entries(options.crowds)) {
      for (const clients of options.clients) cells.push(await measureCell(options, workload, crowd, tenants, clients));
    }
  }
  const metrics = cells.flatMap(metricsOf);
  return { metrics, goals: cells.flatMap((cell) => goalsOf(cell, metrics)), tables: [tableOf(cells)] };
}

/** Programs that are compiled while they run need some ten thousand requests before they show what they can do. */
async function warmUp({ competitors, crowds, workloads, server, progress }: SpeedOptions): Promise<void> {
  const tenants = Object.values(crowds).flat();
  for (const { contender, load } of competitors) {
    progress(`warming ${contender.name} up …`);
    for (const workload of workloads) {
      await load.open({ target: contender.target, workload, clients: WARM_UP_CLIENTS, tenants, seed: SEED });
      await turn(contender, load, server.pid, WARM_UP_MS);
      await load.close();
    }
  }
}

async function measureCell(
  { competitors, server, rounds, seconds, profile, progress }: SpeedOptions,
  workload: Workload,
  crowd: string,
  tenants: ClientLogin[],
  clients: number,
): Promise<Cell> {
  const name = `${WORKLOAD_NAMES[workload]}, ${crowd}, ${clients} client${clients === 1 ? '' : 's'}`;
  const turns = new Map<ContenderName, Seen[]>(competitors.map(({ contender }) => [contender.name, []]));
  for (const { contender, load } of competitors) {
    await load.open({ target: contender.target, workload, clients, tenants, seed: SEED });
  }
  const variants = Object.fromEntries(
    competitors.map(({ contender, load }) => [
      contender.name,
      async (round: number) => {
        const seen = await turn(contender, load, server.pid, seconds * 1000);
        if (round >= 0) turns.get(contender.name)?.push({ ...seen, connections: await connectionsOf(server, contender) });
        return seen.perSecond;
      },
    ]),
  );
  const figures = await alternate(variants, { rounds });
  if (profile !== undefined)
    for (const each of competitors) await profileTurn(each, join(profile, fileNameOf(name)), seconds, progress);
  for (const { load } of competitors) await load.close();
  const told = Object.entries(figures).map(([each, values]) => `${each} ${values.map((value) => Math.round(value)).join(' ')}`);
  progress(`${name}: ${told.join(' · ')} requests/s`);
  return { name, workload, clients, turns };
}

const fileNameOf = (cell: string): string => cell.replaceAll(/[^a-z0-9]+/gi, '-');

const FIGURES: readonly { key: keyof Seen; label: string; unit: string }[] = [
  { key: 'perSecond', label: 'requests', unit: '/s' },
  { key: 'p50', label: 'p50', unit: 'ms' },
  { key: 'p99', label: 'p99', unit: 'ms' },
  { key: 'contenderCpu', label: 'own CPU', unit: 'µs a query' },
  { key: 'postgresCpu', label: 'CPU of Postgres', unit: 'µs a query' },
  { key: 'generatorCpu', label: 'CPU of the load generator', unit: 'µs a query' },
  { key: 'connections', label: 'connections to Postgres', unit: '' },
];

const pick = (turns: readonly Seen[], key: keyof Seen): number[] => turns.map((each) => each[key]);
const ratioName = (cell: Cell, label: string, over: ContenderName): string =>
  `${cell.name}: ${label}, ${CONTENDER_NAMES.gateway} ÷ ${CONTENDER_NAMES[over]}`;

function metricsOf(cell: Cell): Metric[] {
  const own = [...cell.turns].flatMap(([name, turns]) =>
    FIGURES.map(({ key, label, unit }) =>
      metric('rounds', `${cell.name}: ${CONTENDER_NAMES[name]}: ${label}`, unit, pick(turns, key)),
    ),
  );
  const gateway = cell.turns.get('gateway');
  const others = [...cell.turns].filter(([name]) => name !== 'gateway');
  const compared = others.flatMap(([name, turns]) =>
    gateway === undefined
      ? []
      : [
          metric(
            'rounds',
            ratioName(cell, 'requests/s', name),
            '×',
            ratios(pick(gateway, 'perSecond'), pick(turns, 'perSecond')),
          ),
          metric('rounds', ratioName(cell, 'p99', name), '×', ratios(pick(gateway, 'p99'), pick(turns, 'p99'))),
        ],
  );
  return [...own.map((each) => ({ ...each, inTable: true })), ...compared];
}

function goalsOf(cell: Cell, metrics: readonly Metric[]): Goal[] {
  if (cell.workload !== 'point' || cell.clients !== GOAL_CLIENTS) return [];
  const wanted: [name: string, metric: string, direction: Goal['direction'], value: number][] = [
    ['as many requests/s as fastify + pg.Pool', ratioName(cell, 'requests/s', 'plain'), 'at least', 5],
    ['as many requests/s as PgBouncer', ratioName(cell, 'requests/s', 'pgbouncer'), 'at least', 2],
    ['p99 as PgBouncer', ratioName(cell, 'p99', 'pgbouncer'), 'at most', 1],
    ['own CPU, µs a query', `${cell.name}: ${CONTENDER_NAMES.gateway}: own CPU`, 'at most', 20],
  ];
  return wanted.flatMap(([name, of, direction, value]) => {
    const found = metrics.find((each) => each.name === of);
    return found === undefined ? [] : [goal(`${cell.name}: ${name}`, found, direction, value)];
  });
}

function tableOf(cells: readonly Cell[]): Table {
  return {
    title: 'Medians of the rounds; CPU in µs a query',
    columns: ['', 'contender', 'requests/s', 'min–max', 'p50 ms', 'p99 ms', 'own CPU', 'Postgres', 'generator', 'connections'],
    rows: cells.flatMap((cell) =>
      [...cell.turns].map(([name, turns], index) => {
        const median = (key: keyof Seen): number => metric('rounds', '', '', pick(turns, key)).median;
        const perSecond = pick(turns, 'perSecond');
        return [
          index === 0 ? cell.name : '',
          CONTENDER_NAMES[name],
          String(Math.round(median('perSecond'))),
          `${Math.round(Math.min(...perSecond))}–${Math.round(Math.max(...perSecond))}`,
          median('p50').toFixed(2),
          median('p99').toFixed(2),
          median('contenderCpu').toFixed(1),
          median('postgresCpu').toFixed(1),
          median('generatorCpu').toFixed(1),
          String(median('connections')),
        ];
      }),
    ),
  };
}
