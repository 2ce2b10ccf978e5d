import { join, resolve } from 'node:path';
import { ROOT, startPlatform } from '../frame/platform.ts';
import type { Findings, Metric } from '../frame/report.ts';
import { required } from '../frame/required.ts';
import type { BenchOptions } from '../options.ts';
import type { Contender, ContenderName } from './contenders/contender.ts';
import { findPgBouncer, type PgBouncerProgram } from './contenders/find-pgbouncer.ts';
import { startGateway } from './contenders/gateway.ts';
import { startPgBouncer } from './contenders/pgbouncer.ts';
import { startPlain } from './contenders/plain.ts';
import { type Directory, startDirectory } from './directory.ts';
import { type BenchTenant, makeHomes, newTenant, tierOfRank } from './homes.ts';
import { startLoadGenerator } from './load/control.ts';
import type { ClientLogin } from './load/messages.ts';
import { zipfShares } from './load/random.ts';
import { idleClientMemory } from './memory.ts';
import { benchPool } from './pool/bench.ts';
import { benchScale } from './scale/bench.ts';
import { type BenchServer, startServer } from './server.ts';
import { type Competitor, measureSpeed } from './speed.ts';
import { type Issuer, startIssuer } from './tokens.ts';

/** All that the parts share, and how each contender is started before it. */
interface Ground {
  options: BenchOptions;
  progress: (line: string) => void;
  directory: string;
  server: BenchServer;
  issuer: Issuer;
  solo: BenchTenant;
  crowd: readonly BenchTenant[];
  /** Undefined where no contender and no part needs the gateway. */
  gateway:
    | { directory: Directory; start(settings: { inspect: boolean; budget: number }): ReturnType<typeof startGateway> }
    | undefined;
  pgbouncer: PgBouncerProgram | undefined;
}

/** Connections of the gateway at most: beside others, as many as PgBouncer may have; with ten thousand tenants, the goal's. */
const SPEED_BUDGET = 300;
const SCALE_BUDGET = 100;

type Part = (ground: Ground) => Promise<Partial<Findings>>;

const PARTS: ReadonlyMap<string, Part> = new Map([
  ['speed', speedPart],
  ['memory', memoryPart],
  ['scale', scalePart],
  ['pool', poolPart],
]);

const NOTES = [
  'All contenders stand before the same Postgres, reach it by its unix socket, and have the same tenants’ logins; clients come over TCP.',
  'Load generators are a process each, of Node, with sockets of their own kind and requests made beforehand; they run on the same cores, so their CPU is told too.',
  'Homes are made straight with tenant-database, and their directory rows published as the registry’s relay would: the registry and the worker would take a tenth of a second for each.',
  'Every tenant may have 1,000 queries at once and 50 connections, so that limits of tiers limit nobody here.',
];

/** The gateway against what else could stand there, in one run on one machine. */
export async function benchGateway(options: BenchOptions, progress: (line: string) => void): Promise<Findings> {
  const unknown = options.parts.find((part) => !PARTS.has(part));
  if (unknown !== undefined) throw new TypeError(`--parts knows ${[...PARTS.keys()].join(', ')}, not ${unknown}.`);
  await using resources = new AsyncDisposableStack();
  const ground = await prepare(options, progress, resources);
  const findings: Findings = { metrics: [], goals: [], notes: [...NOTES], tables: [] };
  for (const [name, part] of PARTS) {
    if (!options.parts.includes(name)) continue;
    const found = await part(ground);
    findings.metrics.push(...(found.metrics ?? []));
    findings.goals.push(...(found.goals ?? []));
    findings.notes.push(...(found.notes ?? []));
    findings.tables?.push(...(found.tables ?? []));
  }
  return findings;
}

async function prepare(
  options: BenchOptions,
  progress: (line: string) => void,
  resources: AsyncDisposableStack,
): Promise<Ground> {
  const pgbouncer = options.contenders.includes('pgbouncer') ? findPgBouncer(options.pgbouncer) : undefined;
  const directory = resolve(ROOT, options.dataDir, 'gateway');
  const solo = newTenant('solo', 'standard');
  const crowd = Array.from({ length: options.homes }, (_, rank) => newTenant(`crowd-${rank}`, tierOfRank(rank)));
  progress('starting Postgres …');
  const server = resources.use(await startServer(directory));
  const issuer = resources.use(await startIssuer());
  progress(`making ${crowd.length + 1} homes …`);
  await makeHomes(server, [solo, ...crowd]);
  const common = { options, progress, directory, server, issuer, solo, crowd, pgbouncer };
  const needed = options.contenders.includes('gateway') && options.parts.some((part) => part !== 'pool');
  if (!needed) return { ...common, gateway: undefined };

  progress('starting Kafka and the schema registry …');
  const platform = resources.use(
    await startPlatform({ dataDir: join(options.dataDir, 'platform'), only: ['kafka', 'schema-registry'] }),
  );
  const stack = platform.stack();
  const rows = resources.use(await startDirectory(stack, server));
  await rows.publish([solo, ...crowd], { min_connections: 0, max_connections: 50, max_concurrent_queries: 1000 });
  const start = (settings: { inspect: boolean; budget: number }) =>
    startGateway({ directory, server, stack, issuer, ...settings });
  return { ...common, gateway: { directory: rows, start } };
}

async function startContender(name: ContenderName, ground: Ground, inspect: boolean): Promise<Contender> {
  const { directory, server, issuer, solo, crowd } = ground;
  const tenants = [solo, ...crowd];
  if (name === 'gateway') return required(ground.gateway, 'directory for the gateway').start({ inspect, budget: SPEED_BUDGET });
  if (name === 'plain') return startPlain({ directory, server, issuer, tenants, inspect });
  return startPgBouncer(required(ground.pgbouncer, 'PgBouncer'), server, tenants);
}

async function startCompetitors(ground: Ground, inspect: boolean, resources: AsyncDisposableStack): Promise<Competitor[]> {
  const competitors: Competitor[] = [];
  for (const name of ground.options.contenders) {
    const contender = resources.use(await startContender(name, ground, inspect));
    competitors.push({ contender, load: resources.use(startLoadGenerator(name)) });
  }
  return competitors;
}

async function speedPart(ground: Ground): Promise<Partial<Findings>> {
  const { options, server, issuer, solo, crowd, progress } = ground;
  const { workloads, clients, rounds, seconds } = options;
  await using resources = new AsyncDisposableStack();
  const competitors = await startCompetitors(ground, options.profile !== undefined, resources);
  const crowds = { 'one tenant': await clientsOf(issuer, [solo]), [`${crowd.length} tenants`]: await clientsOf(issuer, crowd) };
  const profile = options.profile === undefined ? undefined : resolve(options.profile);
  const shared = { competitors, server, crowds, profile };
  const found = await measureSpeed({ ...shared, workloads, clients, rounds, seconds, progress });
  return { ...found, notes: competitors.map(({ contender }) => contender.description) };
}

async function memoryPart(ground: Ground): Promise<Partial<Findings>> {
  const { contenders, rounds } = ground.options;
  const tenants = await clientsOf(ground.issuer, [ground.solo]);
  const metrics: Metric[] = [];
  for (const name of contenders) {
    ground.progress(`idle clients of ${name} …`);
    metrics.push(await idleClientMemory(name, () => startContender(name, ground, true), tenants, Math.min(rounds, 3)));
  }
  return { metrics };
}

async function scalePart(ground: Ground): Promise<Partial<Findings>> {
  if (ground.gateway === undefined) return { notes: ['Part scale was left out: it is about the gateway.'] };
  const { options, server, issuer, crowd, progress } = ground;
  const { registered, rounds, seconds } = options;
  await using gateway = await ground.gateway.start({ inspect: true, budget: SCALE_BUDGET });
  await using load = startLoadGenerator('gateway');
  const tenants = await clientsOf(issuer, crowd);
  const shared = { gateway, directory: ground.gateway.directory, server, load, tenants };
  const found = await benchScale({ ...shared, registered, rounds, seconds, progress });
  const idle = registered - tenants.length;
  return {
    ...found,
    notes: [`Of ${registered} registered tenants ${tenants.length} have a home; ${idle} are known and never asked for.`],
  };
}

async function poolPart({ options, server, solo, progress }: Ground): Promise<Partial<Findings>> {
  const { rounds, seconds, clients } = options;
  return benchPool({ server, tenant: solo, clients, rounds, seconds, progress });
}

async function clientsOf(issuer: Issuer, tenants: readonly BenchTenant[]): Promise<ClientLogin[]> {
  const shares = zipfShares(tenants.length);
  return Promise.all(
    tenants.map(async ({ home, names, passwords }, rank) => ({
      tenantId: home.tenantId,
      token: await issuer.tokenOf(home.tenantId),
      user: names.role,
      password: passwords.readWrite,
      database: names.database,
      share: shares[rank] ?? 0,
      group: 0,
    })),
  );
}
