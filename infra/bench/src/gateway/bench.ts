import { resolve } from 'node:path';
import { ROOT } from '../frame/platform.ts';
import type { Findings, Goal, Metric, Table } from '../frame/report.ts';
import type { BenchOptions } from '../options.ts';
import { findPgBouncer } from './contenders/find-pgbouncer.ts';
import { startPgBouncer } from './contenders/pgbouncer.ts';
import { startPlain } from './contenders/plain.ts';
import { type BenchTenant, makeHomes, newTenant, tierOfRank } from './homes.ts';
import { startLoadGenerator } from './load/control.ts';
import type { ClientLogin } from './load/messages.ts';
import { zipfShares } from './load/random.ts';
import { startServer } from './server.ts';
import { type Competitor, measureSpeed } from './speed.ts';
import { type Issuer, startIssuer } from './tokens.ts';

/** The tenant to whom all requests belong where there is one only: of the middle tier. */
const SOLO = newTenant('solo', 'standard');

export async function benchGateway(options: BenchOptions, progress: (line: string) => void): Promise<Findings> {
  const directory = resolve(ROOT, options.dataDir, 'gateway');
  const pgbouncer = options.contenders.includes('pgbouncer') ? findPgBouncer(options.pgbouncer) : undefined;
  const crowd = Array.from({ length: options.homes }, (_, rank) => newTenant(`crowd-${rank}`, tierOfRank(rank)));
  const tenants = [SOLO, ...crowd];

  progress('starting Postgres …');
  await using resources = new AsyncDisposableStack();
  const server = resources.use(await startServer(directory));
  const issuer = resources.use(await startIssuer());
  progress(`making ${tenants.length} homes …`);
  await makeHomes(server, tenants);

  const competitors: Competitor[] = [];
  const join_ = (contender: Competitor['contender']): void => {
    const load = resources.use(startLoadGenerator(contender.name));
    competitors.push({ contender: resources.use(contender), load });
  };
  if (options.contenders.includes('plain')) join_(await startPlain(directory, server, issuer, tenants));
  if (pgbouncer !== undefined) join_(await startPgBouncer(pgbouncer, server, tenants));

  const metrics: Metric[] = [];
  const goals: Goal[] = [];
  const tables: Table[] = [];
  if (options.parts.includes('speed')) {
    const found = await measureSpeed({
      competitors,
      postgresPid: server.pid,
      crowds: {
        'one tenant': await clientsOf(issuer, [SOLO]),
        [`${crowd.length} tenants`]: await clientsOf(issuer, crowd),
      },
      workloads: options.workloads,
      clients: options.clients,
      rounds: options.rounds,
      seconds: options.seconds,
      progress,
    });
    metrics.push(...found.metrics);
    goals.push(...found.goals);
    tables.push(...found.tables);
  }
  return { metrics, goals, tables, notes: competitors.map(({ contender }) => contender.description) };
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
