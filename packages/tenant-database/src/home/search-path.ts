import { quoteIdent } from '@ultracore/postgres';
import { type Home, homeNames, OWN_SCHEMA } from '../names.ts';

/**
 * Gives a login of a home its search_path: the migrated schema first, so that nothing a tenant makes in `own` stands before a
 * table of ours, and temporary objects last.
 */
export function searchPathStatement(home: Home, role: string): string {
  const { database, schema } = homeNames(home.tenantId, home.tier);
  const schemas = [quoteIdent(schema), ...(home.tier === 'enterprise' ? [OWN_SCHEMA] : []), 'pg_temp'];
  return `alter role ${quoteIdent(role)} in database ${quoteIdent(database)} set search_path = ${schemas.join(', ')}`;
}
