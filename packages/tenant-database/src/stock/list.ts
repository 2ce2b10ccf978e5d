import type { Connection } from '../client.ts';
import { parseStockTag, stockIdOf } from './names.ts';

/** What a server has of one home in stock. */
export interface ListedStockHome {
  readonly stockId: string;
  /** What it was made from; undefined while its tag is not set. */
  readonly fingerprint: string | undefined;
}

/** Every home in stock, half made ones too, by the names in the catalogs; run it in the shared database. */
export async function listStock(shared: Connection): Promise<ListedStockHome[]> {
  const { rows } = await shared.query<{ name: string; comment: string | null }>(
    `select datname as name, shobj_description(oid, 'pg_database') as comment from pg_database where starts_with(datname, 'ultracore__stock_')
     union all
     select nspname, obj_description(oid, 'pg_namespace') from pg_namespace where starts_with(nspname, 'tenant__stock_')
     union all
     select rolname, null from pg_roles where starts_with(rolname, 'uc__stock_')
      order by 1`,
  );
  const homes = new Map<string, ListedStockHome>();
  for (const { name, comment } of rows) {
    const stockId = stockIdOf(name);
    if (stockId === undefined) continue;
    homes.set(stockId, { stockId, fingerprint: parseStockTag(comment) ?? homes.get(stockId)?.fingerprint });
  }
  return [...homes.values()];
}
