import { quoteIdent } from '@ultracore/postgres';
import { type Home, homeNames, OWN_SCHEMA } from '../names.ts';

/**
 * Gives a login of a home its search_path: the migrated schema first, so that nothing a tenant makes in `own` stands before a
 * table of ours, and temporary objects last.
 */
export function searchPathStatement(home: Home, role: string): string {
  const { database } = homeNames(home.tenantId, home.tier);
  const schemas = schemasOf(home).map(quoteIdent);
  return `alter role ${quoteIdent(role)} in database ${quoteIdent(database)} set search_path = ${schemas.join(', ')}`;
}

/** The same search_path as `pg_db_role_setting` shows it: no name in it needs quotes. */
export const searchPathSetting = (home: Home): string => `search_path=${schemasOf(home).join(', ')}`;

const schemasOf = (home: Home): string[] => [
  homeNames(home.tenantId, home.tier).schema,
  ...(home.tier === 'enterprise' ? [OWN_SCHEMA] : []),
  'pg_temp',
];
