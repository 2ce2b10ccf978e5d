import { directoryBeatSchema, directoryRowSchema } from '../directory.ts';
import { TOPICS } from '../topics.ts';
import { defineMessage } from './define.ts';

const registry = { topic: TOPICS.directory, owner: 'registry', kind: 'directory' } as const;

export const tenantDirectoryRecord = defineMessage({
  ...registry,
  type: 'TenantDirectoryRecord',
  timeField: 'updated_at',
  schema: directoryRowSchema,
});

export const directoryBeat = defineMessage({
  ...registry,
  type: 'DirectoryBeat',
  timeField: 'beat_at',
  schema: directoryBeatSchema,
});
