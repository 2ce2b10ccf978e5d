import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';

const CATALOG_TYPES_FILE = join(import.meta.dirname, '..', 'src', 'result', 'catalog-types.json');

/** Postgres's own types, whose OIDs are the same on every server, with the OID of the array type of each, or 0. */
export type CatalogTypes = readonly { readonly oid: number; readonly name: string; readonly array: number }[];

/** What one server says. Row types of catalogs are left out. */
export async function catalogTypesOf(url: string): Promise<CatalogTypes> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ oid: number; typname: string; typarray: number }>(
      `select oid, typname, typarray from pg_type
        where oid < 10000 and typtype in ('b', 'p', 'r', 'm') and oid not in (select typarray from pg_type) order by oid`,
    );
    return rows.map(({ oid, typname, typarray }) => ({ oid, name: typname, array: typarray }));
  } finally {
    await client.end();
  }
}

export async function committedCatalogTypes(): Promise<CatalogTypes> {
  return JSON.parse(await readFile(CATALOG_TYPES_FILE, 'utf8'));
}

export async function writeCatalogTypes(types: CatalogTypes): Promise<void> {
  await writeFile(CATALOG_TYPES_FILE, `[\n${types.map((type) => `  ${JSON.stringify(type)}`).join(',\n')}\n]\n`);
}
