import type { Queryable } from './pool.ts';

/**
 * A schema's tables with their columns, constraints and indexes, as text that is the same for the same schema whatever its
 * name and whatever the order in which things were made. For a dump kept in the repository, so that a change shows as a diff.
 */
export async function dumpSchema(client: Queryable, schema: string): Promise<string> {
  const [tables, columns, constraints, indexes, views, functions] = await Promise.all([
    listTables(client, schema),
    listColumns(client, schema),
    listConstraints(client, schema),
    listIndexes(client, schema),
    listViews(client, schema),
    listFunctions(client, schema),
  ]);
  const unqualified = (text: string): string => text.replaceAll(`"${schema}".`, '').replaceAll(`${schema}.`, '');
  const blocks = tables.map((table) => {
    const lines = [
      ...columns.filter((each) => each.table === table).map((each) => each.line),
      ...constraints.filter((each) => each.table === table).map((each) => each.line),
      ...indexes.filter((each) => each.table === table).map((each) => each.line),
    ];
    return [`table ${table}`, ...lines.map((line) => `  ${unqualified(line)}`)].join('\n');
  });
  return [...blocks, ...[...views, ...functions].map(unqualified)].join('\n\n') + '\n';
}

interface Line {
  table: string;
  line: string;
}

async function listTables(client: Queryable, schema: string): Promise<string[]> {
  const result = await client.query<{ name: string }>(
    `select c.relname as name from pg_class c
     where c.relnamespace = (select oid from pg_namespace where nspname = $1) and c.relkind in ('r', 'p')
     order by c.relname collate "C"`,
    [schema],
  );
  return result.rows.map((row) => row.name);
}

async function listColumns(client: Queryable, schema: string): Promise<Line[]> {
  const result = await client.query<Line>(
    `select c.relname as table,
            concat_ws(' ', 'column', a.attname, format_type(a.atttypid, a.atttypmod),
                      case when a.attnotnull then 'not null' end,
                      case when a.attgenerated <> '' then 'generated' when d.adbin is not null then 'default' end,
                      pg_get_expr(d.adbin, d.adrelid),
                      case when a.attidentity <> '' then 'identity' end) as line
     from pg_attribute a
     join pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p')
     left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
     where c.relnamespace = (select oid from pg_namespace where nspname = $1) and a.attnum > 0 and not a.attisdropped
     order by c.relname collate "C", a.attnum`,
    [schema],
  );
  return result.rows;
}

/** Not-null constraints are left out: Postgres 18 lists them by name, earlier versions do not, and the columns show them. */
async function listConstraints(client: Queryable, schema: string): Promise<Line[]> {
  const result = await client.query<Line>(
    `select c.relname as table, concat_ws(' ', 'constraint', k.conname, pg_get_constraintdef(k.oid)) as line
     from pg_constraint k join pg_class c on c.oid = k.conrelid
     where k.connamespace = (select oid from pg_namespace where nspname = $1) and k.contype <> 'n'
     order by c.relname collate "C", k.conname collate "C"`,
    [schema],
  );
  return result.rows;
}

async function listIndexes(client: Queryable, schema: string): Promise<Line[]> {
  const result = await client.query<Line>(
    `select tablename as table, indexdef as line from pg_indexes
     where schemaname = $1 order by tablename collate "C", indexname collate "C"`,
    [schema],
  );
  return result.rows;
}

async function listViews(client: Queryable, schema: string): Promise<string[]> {
  const result = await client.query<{ line: string }>(
    `select concat('view ', viewname, E'\\n', definition) as line from pg_views
     where schemaname = $1 order by viewname collate "C"`,
    [schema],
  );
  return result.rows.map((row) => row.line);
}

async function listFunctions(client: Queryable, schema: string): Promise<string[]> {
  const result = await client.query<{ line: string }>(
    `select pg_get_functiondef(p.oid) as line from pg_proc p
     where p.pronamespace = (select oid from pg_namespace where nspname = $1) and p.prokind in ('f', 'p')
     order by p.proname collate "C", pg_get_function_identity_arguments(p.oid) collate "C"`,
    [schema],
  );
  return result.rows.map((row) => row.line);
}
