import { readFileSync } from 'node:fs';
import { TOPIC_SPECS } from '@ultracore/contracts';
import type { Stack } from '@ultracore/local';
import { homeNames } from '@ultracore/tenant-database';
import type { Client } from 'pg';
import { withClient } from './homes.ts';
import { readTopics, type TopicRecord } from './topics.ts';

/** What is looked for. */
export interface Sought {
  readonly tenantIds: readonly string[];
  /** Words that were in the tenants' rows, in names that they gave, or their passwords: to be found nowhere. */
  readonly words: readonly string[];
}

export interface Places {
  readonly stack: Stack;
  /** Log files, by path. */
  readonly logFiles: readonly string[];
}

/** Databases of the control plane, which remember that there was a tenant of that id; its words they never knew. */
const MEMORIES = ['ultracore_tenants', 'ultracore__worker', 'ultracore_analytics'];
/** They keep what objects were called until a catalog is analysed anew, in each database; of rows nothing may be in them. */
const STATISTICS = ['pg_statistic', 'pg_stats'];
/** What a session does at this moment, the search itself among it; whose sessions there are is asked separately. */
const MOMENTARY = [
  'pg_stat_activity',
  'pg_stat_progress_%',
  'pg_stat_statements%',
  'pg_locks',
  'pg_cursors',
  'pg_prepared_statements',
];

/**
 * Searches for what tenants may have left: every table and catalog of every database of the server, its statistics, every topic, the
 * given log files. The names of the tenants' objects are looked for in all databases but those of the control plane; the words everywhere.
 * Answers what was found and where, sorted; nothing when nothing is left.
 */
export async function findTraces({ stack, logFiles }: Places, sought: Sought): Promise<string[]> {
  const found: string[] = [];
  for (const database of await databasesOf(stack)) found.push(...(await searchDatabase(stack, database, sought)));
  found.push(...(await sessionsLeft(stack, sought)));
  const topics = TOPIC_SPECS.map(({ topic }) => topic);
  for (const record of await readTopics(stack, topics)) found.push(...wordsIn(textOf(record), sought, `topic ${record.topic}`));
  for (const file of logFiles) found.push(...wordsIn(readFileSync(file, 'utf8'), sought, `log ${file}`));
  return [...new Set(found)].sort();
}

const textOf = ({ key, headers, value }: TopicRecord): string =>
  `${key} ${JSON.stringify(headers)} ${value?.toString('utf8') ?? ''}`;

const wordsIn = (text: string, { words }: Sought, where: string): string[] =>
  words.filter((word) => text.includes(word)).map((word) => `${where}: ${word}`);

/** What objects of the tenant are called, in whatever tier, and what their comments and settings say of it. */
function namesOf(tenantId: string): string[] {
  const { role, schema } = homeNames(tenantId, 'standard');
  const { database } = homeNames(tenantId, 'enterprise');
  return [role, schema, database, tenantId];
}

/** Those that other tests have made for themselves, perhaps with copies of topics, are none of the platform's. */
async function databasesOf(stack: Stack): Promise<string[]> {
  return withClient({ stack }, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'select datname as name from pg_database where datallowconn and not starts_with(datname, $1) order by 1',
      ['test_'],
    );
    return rows.map(({ name }) => name);
  });
}

/** Of a database that goes away meanwhile nothing is left in it. */
async function searchDatabase(stack: Stack, database: string, sought: Sought): Promise<string[]> {
  try {
    return await withClient({ stack, database }, (client) => searchRelations(client, database, sought));
  } catch (error) {
    if (['3D000', '57P01'].includes(String((error as { code?: unknown }).code))) return [];
    throw error;
  }
}

/**
 * A row is searched as its text; one statement for all relations, so that a server with many databases is soon searched. Left out: rows that
 * every database is born with, and catalogs of numbers alone.
 */
async function searchRelations(client: Client, database: string, { tenantIds, words }: Sought): Promise<string[]> {
  const sought = [...words, ...(MEMORIES.includes(database) ? [] : tenantIds.flatMap(namesOf))];
  const relations = await client.query<{ sql: string }>(
    `select format('select %L as relation, word from (select t::text as line from %s as t where %s offset 0) as row '
                   'cross join lateral (select word from unnest($1::text[]) as word where strpos(line, word) > 0) as found',
                   c.oid::regclass, c.oid::regclass,
                   case when n.nspname <> 'pg_catalog' or c.relname in ('pg_namespace', 'pg_database', 'pg_authid') then 'true'
                        when c.relname = 'pg_attribute' then 'attrelid >= 16384'
                        when exists (select from pg_attribute where attrelid = c.oid and attname = 'oid' and attnum > 0) then 'oid >= 16384'
                        else 'true' end) as sql
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where c.relkind in ('r', 'm') and c.relpersistence <> 't' and n.nspname not like 'pg_toast%' and c.relname not in ('pg_depend', 'pg_shdepend')
        or c.relkind = 'v' and n.nspname = 'pg_catalog' and c.relname like 'pg_stat%' and not c.relname like any ($1)
     order by 1`,
    [MOMENTARY],
  );
  const sql = relations.rows.map((row) => row.sql).join(' union all ');
  const found = await client.query<{ relation: string; word: string }>(sql, [sought]);
  return found.rows
    .filter(({ relation, word }) => words.includes(word) || !STATISTICS.includes(relation))
    .map(({ relation, word }) => `${database}.${relation}: ${word}`);
}

function sessionsLeft(stack: Stack, { tenantIds }: Sought): Promise<string[]> {
  const logins = tenantIds.flatMap((tenantId) => {
    const { role, readonlyRole } = homeNames(tenantId, 'standard');
    return [role, readonlyRole];
  });
  return withClient({ stack }, async (client) => {
    const { rows } = await client.query<{ name: string }>(
      'select distinct usename::text as name from pg_stat_activity where usename = any ($1)',
      [logins],
    );
    return rows.map(({ name }) => `session of ${name}`);
  });
}
