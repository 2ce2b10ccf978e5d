import { readFileSync } from 'node:fs';
import { directoryRowSchema, type DirectoryRow } from '@ultracore/contracts';

const fixture = directoryRowSchema.parse(
  JSON.parse(
    readFileSync(new URL('../../../../packages/contracts/fixtures/TenantDirectoryRecord.json', import.meta.url), 'utf8'),
  ),
);

/** A row of an active enterprise tenant, with changes. */
export const directoryRow = (changes: Partial<DirectoryRow> = {}): DirectoryRow => ({ ...fixture, ...changes });
