import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dumpSchema, migrate } from '../src/index.ts';
import { testPool } from './database.ts';

async function directoryWith(files: Record<string, string>) {
  const directory = await mkdtemp(join(tmpdir(), 'ultracore-migrations-'));
  const write = async (more: Record<string, string>) => {
    for (const [name, sql] of Object.entries(more)) await writeFile(join(directory, name), sql);
  };
  await write(files);
  return { directory, write, [Symbol.asyncDispose]: () => rm(directory, { recursive: true }) };
}

const first = { '0001_tenants.sql': 'create table tenants (id text primary key);\n' };
const second = { '0002_name.sql': "alter table tenants add column name text not null default '';\n" };

describe('migrate', () => {
  it('applies what is missing, in order, once', async () => {
    await using test = await testPool();
    await using files = await directoryWith(first);
    const options = { directory: files.directory, schema: 'app' };
    expect(await migrate(test.pool, options)).toEqual({ applied: ['0001_tenants.sql'], version: 1 });
    await files.write(second);
    expect(await migrate(test.pool, options)).toEqual({ applied: ['0002_name.sql'], version: 2 });
    expect(await migrate(test.pool, options)).toEqual({ applied: [], version: 2 });
    expect((await test.pool.query('select id, name from app.tenants')).rows).toEqual([]);
  });

  it('lets several processes start at once', async () => {
    await using test = await testPool({ max: 6 });
    await using files = await directoryWith({ ...first, ...second });
    const options = { directory: files.directory, schema: 'app' };
    const results = await Promise.all(Array.from({ length: 6 }, () => migrate(test.pool, options)));
    expect(results.flatMap((result) => result.applied)).toEqual(['0001_tenants.sql', '0002_name.sql']);
  });

  it('works in a schema that exists already, such as public', async () => {
    await using test = await testPool();
    await using files = await directoryWith(first);
    await migrate(test.pool, { directory: files.directory, schema: 'public' });
    expect((await test.pool.query("select to_regclass('public.tenants') is not null as made")).rows).toEqual([{ made: true }]);
  });

  it('refuses a file that was edited after it was applied', async () => {
    await using test = await testPool();
    await using files = await directoryWith(first);
    const options = { directory: files.directory, schema: 'app' };
    await migrate(test.pool, options);
    await files.write({ '0001_tenants.sql': 'create table tenants (id uuid primary key);\n' });
    await expect(migrate(test.pool, options)).rejects.toMatchObject({
      code: 'migration_changed',
      message: expect.stringContaining('0001_tenants.sql'),
    });
  });

  it('takes other line ends for the same file', async () => {
    await using test = await testPool();
    await using files = await directoryWith(first);
    const options = { directory: files.directory, schema: 'app' };
    await migrate(test.pool, options);
    await files.write({ '0001_tenants.sql': first['0001_tenants.sql'].replaceAll('\n', '\r\n') });
    await expect(migrate(test.pool, options)).resolves.toMatchObject({ applied: [] });
  });

  it('refuses to run an older program on a newer schema', async () => {
    await using test = await testPool();
    await using newer = await directoryWith({ ...first, ...second });
    await using older = await directoryWith(first);
    await migrate(test.pool, { directory: newer.directory, schema: 'app' });
    await expect(migrate(test.pool, { directory: older.directory, schema: 'app' })).rejects.toMatchObject({
      code: 'migration_missing',
      message: expect.stringContaining('0002_name.sql'),
    });
  });

  it.each([
    ['a gap in the numbers', { ...first, '0003_late.sql': 'select 1;' }, '0003_late.sql'],
    ['two files of one number', { ...first, '0001_twice.sql': 'select 1;' }, '0001_twice.sql'],
    ['a file without a number', { 'tenants.sql': 'select 1;' }, 'tenants.sql'],
  ])('refuses %s before it touches the database', async (_title, content, culprit) => {
    await using test = await testPool();
    await using files = await directoryWith(content);
    const migrating = migrate(test.pool, { directory: files.directory, schema: 'app' });
    await expect(migrating).rejects.toMatchObject({ code: 'migration_directory', message: expect.stringContaining(culprit) });
    expect((await test.pool.query("select to_regnamespace('app') is null as absent")).rows).toEqual([{ absent: true }]);
  });

  it('names file and line of what Postgres refused, keeps the files before it and nothing of it', async () => {
    await using test = await testPool();
    const broken = { '0002_broken.sql': 'create table half (x integer);\n\nalter table nowhere add column y text;\n' };
    await using files = await directoryWith({ ...first, ...broken });
    const options = { directory: files.directory, schema: 'app' };
    await expect(migrate(test.pool, options)).rejects.toMatchObject({
      code: 'migration_failed',
      message: expect.stringMatching(/0002_broken\.sql of schema app failed.*"nowhere" does not exist/),
      cause: expect.objectContaining({ code: '42P01' }),
    });
    await files.write({ '0002_broken.sql': 'create table whole (\n  x integer,\n  y nonsense\n);\n' });
    await expect(migrate(test.pool, options)).rejects.toThrow('failed at line 3: type "nonsense" does not exist');
    const tables = await test.pool.query(
      "select to_regclass('app.half') as half, to_regclass('app.tenants') is not null as tenants",
    );
    expect(tables.rows).toEqual([{ half: null, tenants: true }]);
    await files.write({ '0002_broken.sql': 'create table whole (x integer);\n' });
    await expect(migrate(test.pool, options)).resolves.toMatchObject({ applied: ['0002_broken.sql'] });
  });
});

describe('dumpSchema', () => {
  it('is the same text for the same schema under another name, and shows columns, keys and indexes', async () => {
    await using test = await testPool();
    await using files = await directoryWith({
      '0001_a.sql': `create table parent (id bigint generated always as identity primary key, email varchar(255) not null unique);
        create table child (
          parent_id bigint not null references parent,
          amount numeric(10, 2) default 1.50,
          constraint positive check (amount > 0));
        create index child_by_parent on child (parent_id) where amount > 1;
        create view totals as select parent_id, sum(amount) as total from child group by parent_id;
        create function twice(x integer) returns integer language sql immutable return x * 2;`,
    });
    await migrate(test.pool, { directory: files.directory, schema: 'one' });
    await migrate(test.pool, { directory: files.directory, schema: 'other' });
    const dump = await dumpSchema(test.pool, 'one');
    expect(await dumpSchema(test.pool, 'other')).toBe(dump);
    expect(dump).toContain(`table child
  column parent_id bigint not null
  column amount numeric(10,2) default 1.50
  constraint child_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES parent(id)
  constraint positive CHECK ((amount > (0)::numeric))
  CREATE INDEX child_by_parent ON child USING btree (parent_id) WHERE (amount > (1)::numeric)
`);
    expect(dump).toContain('column id bigint not null identity');
    expect(dump).toContain('view totals');
    expect(dump).toContain('FUNCTION twice(x integer)');
  });
});
