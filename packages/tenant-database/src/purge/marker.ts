import { randomUUID } from 'node:crypto';
import { quoteIdent } from '@ultracore/postgres';
import type { Connection } from '../client.ts';
import { TENANT_ROWS } from '../bootstrap/support.ts';
import { TenantDatabaseError } from '../errors.ts';
import type { HomeObject } from '../home/undo.ts';
import { APP_SCHEMA, ROLES } from '../names.ts';

/**
 * Plants one row of the tenant in a table made for it, beside the others and under the same row security, and demands that
 * `search` finds it while its owner does not: who reports "none" has been shown to see. Returns what else was found.
 *
 * To be called in a transaction that is rolled back: nothing of the marker is ever seen by anybody else.
 * @throws TenantDatabaseError `blind`.
 */
export async function searchWithMarker(
  shared: Connection,
  tenantId: string,
  search: () => Promise<HomeObject[]>,
): Promise<HomeObject[]> {
  const marker = `marker__${randomUUID().replaceAll('-', '_')}`;
  const table = `${quoteIdent(APP_SCHEMA)}.${quoteIdent(marker)}`;
  await shared.query(`
    set local role ${ROLES.owner};
    create table ${table} (tenant_id text not null default ultracore.current_tenant_id());
    alter table ${table} enable row level security, force row level security;
    create policy tenant_rows on ${table} to public using ${TENANT_ROWS} with check ${TENANT_ROWS};
    create policy maintenance on ${table} to ${ROLES.maint} using (true) with check (true);
    grant select, insert on ${table} to ${ROLES.maint};
    set local role ${ROLES.maint}`);
  await shared.query(`insert into ${table} (tenant_id) values ($1)`, [tenantId]);
  await shared.query(`set local role ${ROLES.owner}`);
  const { rows } = await shared.query(`select from ${table}`);
  await shared.query('reset role');
  const found = await search();
  const planted = found.find(({ kind, name }) => kind === 'rows' && name === marker);
  if (rows.length > 0 || planted?.counted['rows'] !== 1) {
    throw new TenantDatabaseError(
      'blind',
      'A row that was planted under row security was not found as it must be: nothing is known.',
    );
  }
  return found.filter((each) => each !== planted);
}
