import { createEventCodec } from '@ultracore/event-sourcing';
import type { RolloutEvent } from './events.ts';

/** Names and versions under which a rollout's events are stored. */
export const rolloutCodec = createEventCodec<RolloutEvent>({
  RolloutPlanned: { version: 1 },
  WaveStarted: { version: 1 },
  TenantsSkipped: { version: 1 },
  RolloutStopped: { version: 1 },
  RolloutResumed: { version: 1 },
  RolloutCompleted: { version: 1 },
});

export const ROLLOUT_STREAMS = 'rollout-';
export const rolloutStreamOf = (rolloutId: string): string => `${ROLLOUT_STREAMS}${rolloutId}`;
/** The rollout whose stream this is. */
export const rolloutOf = (streamName: string): string => streamName.slice(ROLLOUT_STREAMS.length);
