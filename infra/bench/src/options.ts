import { parseArgs } from 'node:util';
import { CONTENDERS, type ContenderName } from './gateway/contenders/contender.ts';
import { LIFECYCLE_PARTS } from './lifecycle/parts.ts';
import { WORKLOADS, type Workload } from './gateway/workload.ts';

export interface BenchOptions {
  json: boolean;
  /** Measured rounds of everything that is measured in rounds. */
  rounds: number;
  /** Tenants measured one by one, per tier; of the fleet bench: in the fleet. */
  tenants: number;
  /** Tenants queued at once, per tier. */
  queued: number;
  /** Times that the lifecycle bench asks for so many at once. */
  bursts: number;
  /** Streams made in each round. */
  streams: number;
  inFlight: number;
  /** Tiers of the provisioning bench. */
  tiers: string[];
  /** Parts of the registry and the gateway bench. */
  parts: string[];
  /** The gateway bench: length of a turn. */
  seconds: number;
  /** Requests under way at once, each its own cell. */
  clients: number[];
  workloads: Workload[];
  contenders: ContenderName[];
  /** Tenants of the crowd, each with a home. */
  homes: number;
  /** Tenants that the gateway knows of in part `scale`. */
  registered: number;
  /** A PgBouncer to use instead of the distribution's. */
  pgbouncer: string | undefined;
  /** Writes CPU profiles of the gateway here. */
  profile: string | undefined;
  dataDir: string;
}

export const HELP = `npm run bench -- <name> [options]

  provisioning   request → active and first query, per tier; tenants per second when many are queued
  registry       creations against the client's own appends; when lists show them; relay against a bare producer; rebuild against upserts

  fleet          a rollout of a small migration over many tenants, and of one that must fail
  lifecycle      homes from stock against cold ones; suspension and rotation; many creations at once, with a stock and without
  gateway        pool-gateway against PgBouncer and a plain fastify + pg.Pool service; many tenants; tenant-pool against pg

  --json           one JSON object instead of text
  --rounds <n>     measured rounds (default 5)
  --tenants <n>    provisioning: tenants one by one, per tier (default 60); fleet: tenants in it (default 1000)
  --bursts <n>     lifecycle: times that --queued tenants are asked for at once, each on a platform of its own (default 1)
  --queued <n>     provisioning, lifecycle: tenants queued at once, per tier (default 500; 0 leaves it out)
  --tiers <a,b>    provisioning: default small,standard,enterprise
  --streams <n>    registry: tenants created in each round (default 2000)
  --in-flight <n>  requests under way at once (default 64)
  --parts <a,b>    registry: creations,visibility,relay,rebuild; gateway: speed,memory,scale,pool;
                   lifecycle: database,latency,burst (default all)
  --seconds <s>    gateway: length of a turn (default 2)
  --clients <a,b>  gateway: requests under way at once (default 1,16,64,256)
  --workloads <w>  gateway: point,rows,writes (default all)
  --contenders <c> gateway: gateway,pgbouncer,plain (default all)
  --homes <n>      gateway: tenants of the crowd (default 200)
  --registered <n> gateway: tenants that it knows of in part scale (default 10000)
  --pgbouncer <p>  gateway: this program instead of the one on the PATH or of the distribution
  --profile <dir>  gateway: write a CPU profile of the gateway for each cell of part speed
  --data-dir <d>   where the bench's own platform keeps its data; emptied first (default .local/bench)
`;

/** Parts of each bench that has some. */
const PARTS: ReadonlyMap<string, string> = new Map([
  ['registry', 'creations,visibility,relay,rebuild'],
  ['gateway', 'speed,memory,scale,pool'],
  ['lifecycle', LIFECYCLE_PARTS],
]);

/** Throws a sentence for what it does not understand. */
export function parseOptions(args: readonly string[]): { name: string | undefined; options: BenchOptions } {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string', default: '5' },
      tenants: { type: 'string' },
      queued: { type: 'string', default: '500' },
      tiers: { type: 'string', default: 'small,standard,enterprise' },
      bursts: { type: 'string', default: '1' },
      streams: { type: 'string', default: '2000' },
      'in-flight': { type: 'string', default: '64' },
      parts: { type: 'string' },
      seconds: { type: 'string', default: '2' },
      clients: { type: 'string', default: '1,16,64,256' },
      workloads: { type: 'string', default: 'point,rows,writes' },
      contenders: { type: 'string', default: 'gateway,pgbouncer,plain' },
      homes: { type: 'string', default: '200' },
      registered: { type: 'string', default: '10000' },
      pgbouncer: { type: 'string' },
      profile: { type: 'string' },
      'data-dir': { type: 'string', default: '.local/bench' },
    },
  });
  return {
    name: positionals[0],
    options: {
      json: values.json,
      rounds: count('rounds', values.rounds, 1),
      tenants: count(
        'tenants',
        values.tenants ?? (positionals[0] === 'fleet' ? '1000' : '60'),
        positionals[0] === 'fleet' ? 1 : 0,
      ),
      queued: count('queued', values.queued, 0),
      bursts: count('bursts', values.bursts, 1),
      streams: count('streams', values.streams, 1),
      inFlight: count('in-flight', values['in-flight'], 1),
      tiers: values.tiers.split(','),
      parts: (values.parts ?? PARTS.get(positionals[0] ?? '') ?? '').split(','),
      seconds: seconds(values.seconds),
      clients: values.clients.split(',').map((each) => count('clients', each, 1)),
      workloads: oneOf('workloads', values.workloads, WORKLOADS),
      contenders: oneOf('contenders', values.contenders, CONTENDERS),
      homes: count('homes', values.homes, 2),
      registered: count('registered', values.registered, 1),
      pgbouncer: values.pgbouncer,
      profile: values.profile,
      dataDir: values['data-dir'],
    },
  };
}

function count(name: string, text: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least) throw new TypeError(`--${name} must be a whole number from ${least} on.`);
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value >= 0.1)) throw new TypeError('--seconds must be a number from 0.1 on.');
  return value;
}

function oneOf<Known extends string>(name: string, text: string, known: readonly Known[]): Known[] {
  const found = known.filter((each) => text.split(',').includes(each));
  if (found.length !== text.split(',').length) throw new TypeError(`--${name} knows ${known.join(', ')}.`);
  return found;
}
