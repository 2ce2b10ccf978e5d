import { loadMigrations, type Migration } from '@ultracore/tenant-database';
import { beforeAll, describe, expect, it } from 'vitest';
import { MIGRATIONS_DIRECTORY } from '../src/index.ts';

let migrations: Migration[];
beforeAll(async () => {
  migrations = await loadMigrations(MIGRATIONS_DIRECTORY);
});

/** Without comments and string literals: what is left is what Postgres acts on. */
const code = (sql: string): string =>
  sql
    .replaceAll(/--[^\n]*/g, '')
    .replaceAll(/'(?:[^']|'')*'/g, `''`)
    .toLowerCase();

/** What a migration must not say, and why. */
const FORBIDDEN: [RegExp, string][] = [
  [/\b(app|own|public|tenant_[a-z0-9]+|pg_catalog|information_schema)\s*\.\s*[a-z_"]/, 'writes the name of a schema'],
  [/\b(commit|rollback|savepoint|abort)\b|\bbegin\s*(;|transaction|work)|\bstart transaction\b/, 'ends or starts a transaction'],
  [/\bset\s+(local\s+|session\s+)?(role|session)\b|\breset\b/, 'changes who it runs as'],
  [/\bset\s+(local\s+|session\s+)?search_path\b(?! = pg_catalog, pg_temp)/, 'sets a search_path other than pg_catalog, pg_temp'],
  [/\b(grant|revoke)\b|\bdefault privileges\b|\bowner to\b/, 'changes rights: homes get theirs from the platform'],
  [
    /\bcreate\s+(schema|role|user|extension|database|policy|rule|publication|event)\b/,
    'creates what is not for a migration to create',
  ],
  [/\brow level security\b/, 'touches row security, which the platform sets'],
  [/\bmaterialized\b|\bforeign table\b|\bsecurity definer\b/, 'creates something that row security does not hold'],
  [/\b(small|big)?serial\b|\bcreate sequence\b/, 'shares a sequence between tenants: use uuid, or an identity column'],
  [/\bconcurrently\b/, 'cannot run in a transaction'],
  [
    /\btimestamp\b(?! with time zone)|\bmoney\b(?!_)|\bfloat|\breal\b|\bdouble precision\b|\bchar\(/,
    'uses a type that loses time zone or cents',
  ],
  [/\bon delete set (null|default)\b(?!\s*\()/, 'would clear tenant_id too: name the columns'],
];

describe('every migration', () => {
  it.each(FORBIDDEN)('keeps the rule against %s: none %s', (pattern) => {
    const broken = migrations
      .filter(({ sql }) => pattern.test(code(sql)))
      .map(({ name, sql }) => [name, pattern.exec(code(sql))?.[0]]);
    expect(broken).toEqual([]);
  });

  it('begins each table with tenant_id, in the words that make it the tenant’s own', () => {
    const tables = migrations.flatMap(({ sql }) => [...code(sql).matchAll(/create table (\w+) \(\s*([^\n]*)\n/g)]);
    expect(tables.length).toBeGreaterThanOrEqual(15);
    for (const [, , firstColumn] of tables)
      expect(firstColumn).toBe('tenant_id text not null default ultracore.current_tenant_id(),');
  });

  it('says of each view that it is security_invoker', () => {
    const views = migrations.flatMap(({ sql }) => [...code(sql).matchAll(/create (?:or replace )?view \w+ ([^\n]*)/g)]);
    expect(views.length).toBeGreaterThanOrEqual(5);
    for (const [, rest] of views) expect(rest).toBe('with (security_invoker = true) as');
  });
});

describe('the rules themselves', () => {
  it.each([
    'create table app.x ()',
    'select * from tenant_acme.clients',
    'begin; create table x ()',
    'set local role ultracore_owner',
    `set search_path = ''`,
    'grant select on x to public',
    'create extension pgcrypto',
    'create materialized view x as select 1',
    'create table x (n bigserial)',
    'create index concurrently i on x (y)',
    'create table x (at timestamp)',
    'create table x (price double precision)',
    'foreign key (tenant_id, x) references y (tenant_id, id) on delete set null',
  ])('find %j', (sql) => {
    expect(FORBIDDEN.some(([pattern]) => pattern.test(code(sql)))).toBe(true);
  });

  it.each([
    `set search_path = pg_catalog, pg_temp as $$ begin new.x := now(); end $$`,
    'create table x (at timestamptz, amount money_amount)',
    'foreign key (tenant_id, x) references y (tenant_id, id) on delete set null (x)',
    `-- app.clients\nselect 'app.clients'`,
  ])('let pass %j', (sql) => {
    expect(FORBIDDEN.filter(([pattern]) => pattern.test(code(sql)))).toEqual([]);
  });
});
