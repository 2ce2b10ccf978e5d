import { hash } from 'node:crypto';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/**
 * The id of the `n`-th event a request causes, or of its step named `n`: UUIDv5 with the request id as namespace (RFC 9562 §5.5).
 * `requestId` must be a UUID.
 */
export function eventId(requestId: string, n: number | string): string {
  if (!UUID.test(requestId)) throw new TypeError(`${JSON.stringify(requestId)} is not a UUID`);
  const named = Buffer.concat([Buffer.from(requestId.replaceAll('-', ''), 'hex'), Buffer.from(String(n), 'utf8')]);
  const digest = hash('sha1', named, 'hex');
  const variant = (0x8 + (Number.parseInt(digest.charAt(16), 16) & 0x3)).toString(16);
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-5${digest.slice(13, 16)}-${variant}${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}
