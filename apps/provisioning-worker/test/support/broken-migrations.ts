import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface MigrationsFolder extends Disposable {
  readonly directory: string;
}

/** A folder of migrations whose second one fails. */
export function brokenMigrations(): MigrationsFolder {
  const directory = mkdtempSync(join(tmpdir(), 'ultracore-migrations-'));
  writeFileSync(
    join(directory, '0001_clients.sql'),
    'create table clients (tenant_id text not null default ultracore.current_tenant_id(), id bigint, primary key (tenant_id, id));',
  );
  writeFileSync(join(directory, '0002_broken.sql'), 'alter table clients add column no_such_type there_is_none;');
  return { directory, [Symbol.dispose]: () => rmSync(directory, { recursive: true, force: true }) };
}
