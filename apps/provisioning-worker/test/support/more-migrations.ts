import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MigrationsFolder } from './broken-migrations.ts';
import { TENANT_MIGRATIONS } from './rig.ts';

/** A folder with the tenants' migrations and more after them. */
export function moreMigrations(more: Readonly<Record<string, string>>): MigrationsFolder {
  const directory = mkdtempSync(join(tmpdir(), 'ultracore-migrations-'));
  cpSync(TENANT_MIGRATIONS, directory, { recursive: true });
  for (const [name, sql] of Object.entries(more)) writeFileSync(join(directory, name), sql);
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}
