import { createEventCodec } from '@ultracore/event-sourcing';

/** What a request that came by Kafka was refused with. One that was taken is answered by the events it led to. */
export interface CommandRejected {
  readonly type: 'CommandRejected';
  readonly data: {
    readonly requestId: string;
    readonly tenantId: string;
    readonly code: string;
    readonly detail: string;
    readonly rejectedAt: string;
  };
}

export const answerCodec = createEventCodec<CommandRejected>({ CommandRejected: { version: 1 } });

/** Each refused request has a stream of its own, with its answer in it: so it is answered once. */
export const REQUEST_STREAMS = 'request-';
export const answerStreamOf = (requestId: string): string => `${REQUEST_STREAMS}${requestId}`;
