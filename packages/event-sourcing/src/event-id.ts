import { v5 } from 'uuid';

/**
 * The id of the `n`-th event a request causes, or of its step named `n`: UUIDv5 with the request id as namespace (RFC 9562 §5.5).
 * `requestId` must be a UUID.
 */
export const eventId = (requestId: string, n: number | string): string => v5(String(n), requestId);
