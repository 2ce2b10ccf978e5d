import { randomUUID } from 'node:crypto';
import { beatKey, PARTITIONS, TOPICS, type DirectoryBeat } from '@ultracore/contracts';
import type { OutRecord } from '@ultracore/kafka';
import type { ExistingTenant } from '../tenant/state.ts';
import { toDirectoryRow } from './directory.ts';

const SOURCE = '/ultracore/registry';

/** How a tenant is, for the directory topic. */
export function toDirectoryRecord(state: ExistingTenant): OutRecord {
  const { tenantId, revision, updatedAt } = state;
  return {
    topic: TOPICS.directory,
    key: tenantId,
    envelope: {
      id: randomUUID(),
      type: 'TenantDirectoryRecord',
      source: SOURCE,
      subject: tenantId,
      time: updatedAt,
      tenantId,
      sequence: revision,
    },
    body: toDirectoryRow(state),
  };
}

/** A sign of life for each partition of the directory topic. */
export function beats(): OutRecord[] {
  const time = new Date().toISOString();
  return Array.from({ length: PARTITIONS }, (_, partition) => {
    const key = beatKey(partition);
    const body: DirectoryBeat = { partition, beat_at: time };
    const envelope = { id: randomUUID(), type: 'DirectoryBeat', source: SOURCE, subject: key, time, tenantId: key };
    return { topic: TOPICS.directory, partition, key, envelope, body };
  });
}
