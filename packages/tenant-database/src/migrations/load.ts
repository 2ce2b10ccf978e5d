import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { TenantDatabaseError } from '../errors.ts';

/** One file of a migration directory. */
export interface Migration {
  /** The digits the file name begins with, e.g. `0001`. */
  readonly version: string;
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the text with `\n` line ends, in hex: a checkout on another system has the same. */
  readonly checksum: string;
  /**
   * A file `NNNN_name.data.sql` changes rows, not tables. In the small tier it runs as `ultracore_maint`, which sees the rows of
   * every tenant; as owner it would change none, without an error.
   */
  readonly changesData: boolean;
}

const FILE = /^(?<version>\d{4})_(?<name>[a-z0-9]+(?:_[a-z0-9]+)*)(?<data>\.data)?\.sql$/;

/**
 * Reads the numbered migrations of a directory, in order. Files that do not end in `.sql` are ignored.
 * @throws TenantDatabaseError `migration_directory` when there is none, a name is not `NNNN_name.sql`, or a number repeats.
 */
export async function loadMigrations(directory: string): Promise<Migration[]> {
  const files = await readdir(directory).catch((cause: unknown) => {
    throw new TenantDatabaseError('migration_directory', `The migration directory ${directory} cannot be read.`, { cause });
  });
  const migrations: Migration[] = [];
  for (const file of files.filter((name) => name.endsWith('.sql')).toSorted()) {
    const parts = FILE.exec(file)?.groups;
    if (parts === undefined) throw new TenantDatabaseError('migration_directory', `${file} is not named NNNN_name.sql.`);
    const { version = '', name = '', data } = parts;
    if (migrations.at(-1)?.version === version) {
      throw new TenantDatabaseError('migration_directory', `Two migrations of ${directory} have the number ${version}.`);
    }
    const sql = (await readFile(join(directory, file), 'utf8')).replaceAll('\r\n', '\n');
    const checksum = createHash('sha256').update(sql, 'utf8').digest('hex');
    migrations.push({ version, name, sql, checksum, changesData: data !== undefined });
  }
  if (migrations.length === 0) throw new TenantDatabaseError('migration_directory', `${directory} holds no migration.`);
  return migrations;
}
