import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { Client, DatabaseError, type QueryArrayResult } from 'pg';
import { LauncherError } from './errors.ts';
import { dataDirOf } from './options.ts';
import { readStack } from './stack-file.ts';
import { table } from './table.ts';
import { loginUrl, openTenantLogin, type TenantLogin } from './tenant-login.ts';
import { createTerminal } from './terminal.ts';

const USAGE = `npm run as-tenant -- <id> [--readonly] -c "<sql>"   run SQL as the tenant
npm run as-tenant -- <id> [--readonly] --url        print its connection URL (with the password)
npm run as-tenant -- <id> [--readonly] < file.sql   run SQL from a file`;

const terminal = createTerminal();

async function main(): Promise<number> {
  const { values, positionals } = parseCommandLine(process.argv.slice(2));
  const [tenantId] = positionals;
  if (tenantId === undefined || positionals.length > 1)
    throw new LauncherError('bad_option', `One tenant id is needed.\n${USAGE}`);
  const stack = readStack(dataDirOf(values['data-dir'], process.env));
  if (!values.url && values.command === undefined && process.stdin.isTTY)
    throw new LauncherError('bad_option', `Nothing to run.\n${USAGE}`);
  const login = await openTenantLogin(stack, tenantId, { readonly: values.readonly });
  if (values.url) {
    process.stdout.write(`${loginUrl(login)}\n`);
    return 0;
  }
  return runSql(login, values.command ?? (await text(process.stdin)));
}

/** Runs the text as one simple query, so that several statements are one transaction, as with `psql -c`. */
async function runSql(login: TenantLogin, sql: string): Promise<number> {
  const client = new Client({ ...login, application_name: 'as-tenant', connectionTimeoutMillis: 10_000 });
  client.on('notice', (notice) => terminal.line(`${notice.severity ?? 'NOTICE'}: ${notice.message ?? ''}`));
  try {
    await client.connect();
    // As Postgres writes the values, not as JavaScript would.
    const types = { getTypeParser: () => (value: string) => value };
    const result: QueryArrayResult<string[]> | QueryArrayResult<string[]>[] = await client.query<string[]>({
      text: sql,
      rowMode: 'array',
      types,
    });
    for (const each of Array.isArray(result) ? result : [result]) show(each);
    return 0;
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    for (const line of describe(error)) terminal.fail(line);
    return 1;
  } finally {
    await client.end().catch(() => {});
  }
}

function show(result: QueryArrayResult<string[]>): void {
  if (result.fields.length === 0) {
    terminal.line([result.command, result.rowCount].filter((part) => part !== null).join(' '));
    return;
  }
  const rows = result.rows.map((row: (string | null)[]) => row.map((value) => value ?? '∅'));
  for (const line of table(
    result.fields.map((field) => field.name),
    rows,
  ))
    terminal.line(line);
  terminal.line(`(${rows.length} row${rows.length === 1 ? '' : 's'})`);
}

function describe(error: DatabaseError): string[] {
  const lines = [`${error.severity ?? 'ERROR'} ${error.code ?? ''}: ${error.message}`];
  if (error.detail !== undefined) lines.push(`  detail: ${error.detail}`);
  if (error.hint !== undefined) lines.push(`  hint: ${error.hint}`);
  return lines;
}

function parseCommandLine(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: {
        command: { type: 'string', short: 'c' },
        readonly: { type: 'boolean', default: false },
        url: { type: 'boolean', default: false },
        'data-dir': { type: 'string' },
      },
    });
  } catch (error) {
    throw new LauncherError('bad_option', `${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    terminal.fail(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);
