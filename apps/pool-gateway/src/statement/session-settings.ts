/**
 * What every connection of a tenant starts with, and is set back to, whatever the tenant has set for its role: the guard's verdicts rest on it.
 * Backslashes mean the same to the guard's parser and the server's. Unqualified names are found in Postgres's schemas and in the migrated one, in which
 * tenants cannot create; what an enterprise tenant makes in `own` has to be named so, and then the guard sees it. Bytes come as hexadecimal digits.
 */
export function sessionSettings(schema: string): Readonly<Record<string, string>> {
  return { search_path: `${schema}, pg_temp`, standard_conforming_strings: 'on', bytea_output: 'hex' };
}
