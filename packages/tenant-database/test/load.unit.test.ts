import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadMigrations } from '../src/index.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'migrations-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const write = (name: string, sql: string) => writeFileSync(join(directory, name), sql);

describe('loadMigrations', () => {
  it('reads numbered files in order and ignores what is not SQL', async () => {
    write('0002_second.data.sql', 'update a set b = 1');
    write('0001_first_step.sql', 'create table a ()');
    write('README.md', 'not a migration');
    const migrations = await loadMigrations(directory);
    expect(migrations.map(({ version, name, changesData }) => [version, name, changesData])).toEqual([
      ['0001', 'first_step', false],
      ['0002', 'second', true],
    ]);
  });

  it('gives a text the same checksum with either kind of line end', async () => {
    write('0001_a.sql', 'select 1;\nselect 2;\n');
    const [unix] = await loadMigrations(directory);
    write('0001_a.sql', 'select 1;\r\nselect 2;\r\n');
    const [windows] = await loadMigrations(directory);
    expect(unix?.checksum).toMatch(/^[0-9a-f]{64}$/);
    expect(windows).toEqual(unix);
  });

  it.each([['1_a.sql'], ['0001-a.sql'], ['0001_A.sql'], ['a.sql']])('refuses a file named %s', async (name) => {
    write(name, 'select 1');
    await expect(loadMigrations(directory)).rejects.toMatchObject({ code: 'migration_directory' });
  });

  it('refuses a repeated number, an empty directory and one that is not there', async () => {
    await expect(loadMigrations(directory)).rejects.toMatchObject({ code: 'migration_directory' });
    write('0001_a.sql', '');
    write('0001_b.sql', '');
    await expect(loadMigrations(directory)).rejects.toMatchObject({ code: 'migration_directory' });
    await expect(loadMigrations(join(directory, 'nowhere'))).rejects.toMatchObject({ code: 'migration_directory' });
  });
});
