import type { IncomingMessage } from 'node:http';
import type { FastifyRequest, RequestPayload } from 'fastify';

/** Of those that do not say how long they are. */
const counted = new WeakMap<IncomingMessage, number>();

/** A `preParsing` hook: counts a body that does not say how long it is, as it is read. */
export function countBody(
  { raw }: Pick<FastifyRequest, 'raw'>,
  _reply: unknown,
  payload: RequestPayload,
  done: (error: null, payload: RequestPayload) => void,
): void {
  if (raw.headers['content-length'] === undefined) {
    payload.on('data', (chunk: Buffer) => counted.set(raw, (counted.get(raw) ?? 0) + chunk.length));
  }
  done(null, payload);
}

/** Length of the body as it came. */
export function bodyBytesOf({ raw }: Pick<FastifyRequest, 'raw'>): number {
  const said = raw.headers['content-length'];
  return said === undefined ? (counted.get(raw) ?? 0) : Number(said);
}
