import type { EventRecord } from '../storage/record.ts';
import type { EventFilter } from '../wire/read-request.ts';

export const isWanted = (filter: EventFilter | undefined, { streamName, type }: EventRecord): boolean =>
  filter === undefined || filter.matches(filter.on === 'stream_name' ? streamName : type);
