import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';

const CATALOG_FUNCTIONS_FILE = join(import.meta.dirname, '..', 'src', 'statement', 'catalog-functions.json');

/** Names of pg_catalog’s functions. One that is volatile on any of the servers, with any arguments, is in `volatile` only. */
export interface CatalogFunctions {
  /** Versions of the servers that were asked, e.g. `18.4`. */
  readonly servers: readonly string[];
  readonly volatile: readonly string[];
  readonly stable: readonly string[];
}

/** What one server says, with what extensions have added to pg_catalog, as plpgsql does everywhere. */
export async function catalogFunctionsOf(url: string): Promise<CatalogFunctions> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string; volatile: boolean }>(
      `select proname as name, bool_or(provolatile = 'v') as volatile from pg_proc
        where pronamespace = 'pg_catalog'::regnamespace
        group by proname order by proname collate "C"`,
    );
    const version = await client.query<{ server_version: string }>('show server_version');
    return {
      servers: version.rows.map((row) => row.server_version.split(' ')[0] ?? ''),
      volatile: rows.filter((row) => row.volatile).map((row) => row.name),
      stable: rows.filter((row) => !row.volatile).map((row) => row.name),
    };
  } finally {
    await client.end();
  }
}

/** What several servers say, the stricter of them ruling. */
export function mergeCatalogFunctions(all: readonly CatalogFunctions[]): CatalogFunctions {
  const sorted = (names: Iterable<string>): string[] => [...new Set(names)].sort((a, b) => (a < b ? -1 : 1));
  const volatile = sorted(all.flatMap((one) => one.volatile));
  const isVolatile = new Set(volatile);
  return {
    servers: sorted(all.flatMap((one) => one.servers)),
    volatile,
    stable: sorted(all.flatMap((one) => one.stable).filter((name) => !isVolatile.has(name))),
  };
}

export async function committedCatalogFunctions(): Promise<CatalogFunctions> {
  return JSON.parse(await readFile(CATALOG_FUNCTIONS_FILE, 'utf8'));
}

export async function writeCatalogFunctions(functions: CatalogFunctions): Promise<void> {
  await writeFile(CATALOG_FUNCTIONS_FILE, `${JSON.stringify(functions, null, 2)}\n`);
}
