import type { RuleName } from './rules.ts';

const TEMPORARY = /^pg_(?:toast_)?temp(?:_|$)/;

/** What naming a schema means. An unqualified name is found in Postgres's schemas or the tenant's migrated one, see the README. */
export function ruleOfSchema(schema: string): RuleName | undefined {
  if (schema === 'pg_catalog' || schema === 'information_schema' || schema === 'ultracore') return undefined;
  if (schema === 'app') return 'app_schema';
  if (schema.startsWith('tenant_')) return 'tenant_schema';
  return TEMPORARY.test(schema) ? 'temporary_object' : 'other_schema';
}

/** The same of a dotted name whose last part is the object's own: `[schema, name]`, `[database, schema, name]`. */
export function ruleOfQualifiers(names: readonly string[]): RuleName | undefined {
  if (names.length < 2) return undefined;
  if (names.length > 2) return 'other_schema';
  return ruleOfSchema(names[0] ?? '');
}

/** Whether a table to be written to is, or may be, a catalog: an UPDATE of the view pg_settings is a SET. */
export function isCatalog(schema: string | undefined, relation: string): boolean {
  if (schema === undefined) return relation.startsWith('pg_');
  return schema === 'pg_catalog' || schema === 'information_schema' || schema === 'ultracore';
}
