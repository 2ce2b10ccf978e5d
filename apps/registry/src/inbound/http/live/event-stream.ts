/** Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html */

export const EVENT_STREAM = 'text/event-stream';

/** Whether a caller prefers to be told of events as they happen. */
export const wantsEventStream = (accept: string | undefined): boolean =>
  accept?.split(',').some((range) => range.split(';', 1)[0]?.trim().toLowerCase() === EVENT_STREAM) ?? false;

/** For how long a caller waits before it comes again after the end of a stream, in milliseconds. */
export const retryAfter = (ms: number): string => `retry: ${ms}\n\n`;

/** Tells both ends, and what is between them, that the connection is still used. */
export const HEARTBEAT = ': still here\n\n';

/** `data` is JSON, which has no line breaks. */
export const toMessage = (id: number, data: unknown): string => `id: ${id}\ndata: ${JSON.stringify(data)}\n\n`;
