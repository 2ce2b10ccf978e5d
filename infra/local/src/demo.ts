import { setTimeout as sleep } from 'node:timers/promises';
import { type Api, createApi, type NewTenant, type Tenant, type TenantEvent } from './demo/api.ts';
import { type Attempt, attemptsOn } from './demo/attempts.ts';
import { askGateway } from './demo/gateway.ts';
import { type Holdings, load, readBack } from './demo/load.ts';
import { sampleData } from './demo/sample-data.ts';
import { LauncherError } from './errors.ts';
import { exitWith, inWords, listenForInterrupt } from './interrupt.ts';
import { launch } from './launcher.ts';
import { HELP, parseOptions } from './options.ts';
import { runningStack } from './running.ts';
import type { Stack } from './stack-file.ts';
import { table } from './table.ts';
import { openTenantLogin, type TenantLogin } from './tenant-login.ts';
import { colours, createTerminal, duration } from './terminal.ts';

const FIRMS: readonly NewTenant[] = [
  {
    tenant_id: 'enterprise-001',
    tenant_name: 'Alpenrose Private Bank',
    tier: 'enterprise',
    owner_email: 'owner@alpenrose.example',
  },
  {
    tenant_id: 'standard-002',
    tenant_name: 'Harbour & Finch Wealth',
    tier: 'standard',
    owner_email: 'owner@harbour-finch.example',
  },
  { tenant_id: 'small-003', tenant_name: 'Lindenhof Family Office', tier: 'small', owner_email: 'owner@lindenhof.example' },
];
const SIZES = { 'enterprise-001': 24, 'standard-002': 12, 'small-003': 5 } as Readonly<Record<string, number>>;
const TRADES = 6;
const ACTIVE_WITHIN_MS = 90_000;

const terminal = createTerminal();
const firmWidth = Math.max(...FIRMS.map((firm) => firm.tenant_id.length));

/** The main job on real input: three firms get a home each, use it, and cannot get into one another's. Exit code 1 if anything differs. */
async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2), process.env);
  if (options.help) {
    process.stdout.write(HELP.replace('npm start', 'npm run demo'));
    return 0;
  }
  const running = runningStack(options.dataDir);
  if (running !== undefined) {
    if (running.stack === undefined)
      throw new LauncherError(
        'already_running',
        'The platform is just starting in another terminal: run the demo when it is ready.',
      );
    terminal.line(colours.dim(`Using the platform that is running at ${running.stack.edge_url ?? 'this data directory'}.`));
    return show(running.stack);
  }
  const interrupt = listenForInterrupt(
    () => terminal.line(),
    (error) => terminal.fail(inWords(error)),
  );
  heading('Bringing the platform up');
  const run = await launch(options, terminal, interrupt.signal, (begun) => interrupt.guard(begun));
  const interrupted = interrupt.happened.then(() => {
    throw new LauncherError('interrupted', 'The demo was interrupted.');
  });
  try {
    return await Promise.race([show(run.stack), interrupted]);
  } finally {
    heading('Stopping the platform');
    await run.stop();
    terminal.line();
    terminal.line(`  ${colours.dim('The three firms and their data are kept:')} npm start ${colours.dim('brings them back.')}`);
  }
}

async function show(stack: Stack): Promise<number> {
  const api = createApi(stack);
  heading('Onboarding three firms by HTTP, one in each tier');
  const active = await Promise.all(FIRMS.map((firm) => onboard(api, firm)));

  heading('Loading sample portfolios, each firm through its own login');
  const logins = await Promise.all(active.map((tenant) => whenProjected(() => openTenantLogin(stack, tenant.tenant_id))));
  const books = await Promise.all(logins.map(fill));

  heading('Each firm asks the gateway by HTTP, with a token and without a password');
  const asked = await Promise.all(logins.map((login, index) => askAs(stack, login, logins[(index + 1) % logins.length])));
  const misled = logins.filter((_login, index) => asked[index] !== books[index]?.clients);

  heading("Each firm tries to get at the others' data");
  const attempts: Attempt[] = [];
  for (const from of logins) {
    for (const to of logins.filter((other) => other !== from)) {
      const made = await attemptsOn(from, to);
      attempts.push(...made);
      terminal.line(`  ${colours.bold(from.tenantId)} → ${colours.bold(to.tenantId)}`);
      for (const attempt of made) tell(attempt);
    }
  }

  heading('What was shown');
  const rows = logins.map((login, index) => row(login, books[index], attempts));
  for (const line of table(['firm', 'tier', 'home', 'clients', 'transactions', 'value in CHF', 'own data', "others' data"], rows))
    terminal.line(`  ${line}`);
  const leaks = attempts.filter((attempt) => !attempt.refused);
  const wrong = books.filter((book) => !book.consistent);
  terminal.line();
  if (leaks.length === 0 && wrong.length === 0 && misled.length === 0) {
    terminal.good(
      'demo',
      `as expected: every firm reads its own data, and all ${attempts.length} attempts on others' were refused`,
    );
    return 0;
  }
  for (const leak of leaks) terminal.fail(`${leak.from} got at ${leak.to}: ${leak.what}: ${leak.answer}`);
  for (const { tenantId } of misled) terminal.fail(`${tenantId} was answered something else by the gateway`);
  if (wrong.length > 0) terminal.fail(`${wrong.length} firms read back something else than what was loaded`);
  return 1;
}

/** Creates the firm, or finds it, and prints its events as they arrive until it is active. */
async function onboard(api: Api, firm: NewTenant): Promise<Tenant> {
  const began = performance.now();
  let revision = -1;
  if (await api.exists(firm.tenant_id)) {
    revision = (await api.eventsAfter(firm.tenant_id, revision)).at(-1)?.revision ?? revision;
    terminal.line(`  ${firm.tenant_id.padEnd(firmWidth)}  ${colours.dim('was onboarded by an earlier demo')}`);
  }
  await api.create(firm, `demo ${firm.tenant_id}`);
  for (;;) {
    const tenant = await api.get(firm.tenant_id);
    const events = await api.eventsAfter(firm.tenant_id, revision);
    for (const event of events) {
      revision = event.revision;
      say(firm.tenant_id, began, event);
    }
    if (tenant.status === 'active' && events.length === 0) return tenant;
    if (tenant.status !== 'provisioning' && tenant.status !== 'active') {
      const why = tenant.failure ? `: ${tenant.failure.reason} (step ${tenant.failure.step})` : '';
      throw new LauncherError(
        'service_failed',
        `${firm.tenant_id} is ${tenant.status}${why}. Start over with \`npm run demo -- --fresh\`, or look at the worker's log.`,
      );
    }
    if (performance.now() - began > ACTIVE_WITHIN_MS) {
      throw new LauncherError(
        'service_failed',
        `${firm.tenant_id} was not active within ${ACTIVE_WITHIN_MS / 1000} s: look at the worker's log.`,
      );
    }
    await sleep(25);
  }
}

function say(firm: string, began: number, event: TenantEvent): void {
  const details = TELLING.flatMap((field) => {
    const value = event.data[field];
    return typeof value === 'string' || typeof value === 'number' ? [`${LABELS[field] ?? field} ${value}`] : [];
  });
  const time = duration(performance.now() - began).padStart(8);
  terminal.line(`  ${colours.dim(time)}  ${firm.padEnd(firmWidth)}  ${event.type.padEnd(31)}${colours.dim(details.join(', '))}`);
}

const TELLING = [
  'tier',
  'db_name',
  'schema_name',
  'db_username',
  'readonly_db_username',
  'migration_version',
  'tables_created',
  'step',
  'reason',
];
const LABELS: Readonly<Record<string, string>> = {
  db_name: 'database',
  schema_name: 'schema',
  db_username: 'login',
  readonly_db_username: 'read-only login',
  migration_version: 'version',
  tables_created: 'tables',
};

async function fill(login: TenantLogin): Promise<Holdings> {
  const began = performance.now();
  const tables = sampleData(login.tenantId, { clients: SIZES[login.tenantId] ?? 5, trades: TRADES });
  const added = await load(login, tables);
  const book = await readBack(login);
  const what = added === 0 ? 'everything was there already' : `${added} rows written`;
  const check = book.consistent
    ? 'positions and cash agree with the transactions'
    : colours.red('positions and transactions differ');
  terminal.line(
    `  ${colours.dim(duration(performance.now() - began).padStart(8))}  ${login.tenantId.padEnd(firmWidth)}  as ${login.user}: ${what}, read back; ${check}`,
  );
  return book;
}

/** How many clients the firm has by the gateway; undefined when it answered a question about another firm. */
async function askAs(stack: Stack, login: TenantLogin, other: TenantLogin | undefined): Promise<number | undefined> {
  const { clients, milliseconds, refusal } = await askGateway(stack, login.tenantId, other?.tenantId ?? 'another-firm');
  const about = refusal === undefined ? colours.red('ANSWERED') : `${colours.green('refused')} ${colours.dim(refusal)}`;
  terminal.line(
    `  ${colours.dim(duration(milliseconds).padStart(8))}  ${login.tenantId.padEnd(firmWidth)}  ${clients} clients of its own; about ${other?.tenantId}: ${about}`,
  );
  return refusal === undefined ? undefined : clients;
}

function tell(attempt: Attempt): void {
  const mark = attempt.refused ? colours.green('✔ refused') : colours.red('✘ POSSIBLE');
  terminal.line(`    ${attempt.what.padEnd(50)} ${mark}  ${colours.dim(attempt.answer)}`);
}

function row(login: TenantLogin, book: Holdings | undefined, attempts: readonly Attempt[]): string[] {
  const own = attempts.filter((attempt) => attempt.from === login.tenantId);
  const refused = own.filter((attempt) => attempt.refused).length;
  return [
    login.tenantId,
    login.tier,
    login.tier === 'enterprise'
      ? `database ${login.database}`
      : login.tier === 'standard'
        ? `schema ${login.schema}`
        : 'rows in the shared schema',
    String(book?.clients ?? 0),
    String(book?.transactions ?? 0),
    String(Math.round(book?.value ?? 0)),
    book?.consistent ? 'read back' : 'DIFFERS',
    `${refused} of ${own.length} refused`,
  ];
}

/** The read model may be a moment behind the stream. */
async function whenProjected<T>(read: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + 5_000;
  for (;;) {
    try {
      return await read();
    } catch (error) {
      const early = error instanceof LauncherError && (error.code === 'unknown_tenant' || error.code === 'inactive_tenant');
      if (!early || Date.now() > deadline) throw error;
    }
    await sleep(50);
  }
}

function heading(text: string): void {
  terminal.line();
  terminal.line(colours.bold(text));
  terminal.line();
}

main().then(
  (code) => process.exit(code),
  (error: unknown) => exitWith(error, (text) => terminal.fail(text)),
);
