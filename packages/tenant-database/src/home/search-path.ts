import { quoteIdent } from '@ultracore/postgres';
import { type NamedHome, OWN_SCHEMA } from '../names.ts';

/**
 * Gives a login of a home its search_path: the migrated schema first, so that nothing a tenant makes in `own` stands before a
 * table of ours, and temporary objects last.
 */
export function searchPathStatement(home: NamedHome, role: string): string {
  const schemas = schemasOf(home).map(quoteIdent);
  return `alter role ${quoteIdent(role)} in database ${quoteIdent(home.names.database)} set search_path = ${schemas.join(', ')}`;
}

/** The same search_path as `pg_db_role_setting` shows it: no name in it needs quotes. */
export const searchPathSetting = (home: NamedHome): string => `search_path=${schemasOf(home).join(', ')}`;

const schemasOf = ({ tier, names }: NamedHome): string[] => [
  names.schema,
  ...(tier === 'enterprise' ? [OWN_SCHEMA] : []),
  'pg_temp',
];
