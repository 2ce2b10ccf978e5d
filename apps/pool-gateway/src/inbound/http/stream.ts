import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { Run, StreamAnswer } from '../../query/call.ts';
import { NDJSON } from './media-types.ts';
import { whenTaken } from './when-taken.ts';

/** Bytes that wait for a slow reader before the statement is paused. */
const HIGH_WATER_MARK = 128 * 1024;

/** Sends what a run streams, as fast as the caller reads it: nothing is sent before the first line, so that a problem can still be an answer. */
export function sendStream(reply: FastifyReply, unreadMs: number, start: (answer: StreamAnswer) => Run): Run {
  const { raw } = reply;
  let body: Readable | undefined;
  let run: Run | undefined;
  let isEnded = false;
  let looking: NodeJS.Immediate | undefined;
  /** What has left the body may still wait in the response: the caller has taken it when both are empty. */
  const look = (): void => {
    looking = undefined;
    if (!isEnded && body?.readableLength === 0 && !raw.writableNeedDrain) run?.resume();
  };
  /** The body is read before what was read is written to the response, and both happen before the next turn of the loop. */
  const lookSoon = (): void => {
    looking ??= setImmediate(look);
  };
  const open = (): Readable => {
    const opened = new Readable({ highWaterMark: HIGH_WATER_MARK, read: lookSoon });
    // A caller that goes away destroys it; what ends the statement is the call's own signal.
    opened.on('error', () => {});
    raw.on('drain', lookSoon);
    void reply.type(NDJSON).send(opened);
    return opened;
  };
  run = start({
    write(chunk) {
      body ??= open();
      return body.destroyed || (body.push(chunk) && !raw.writableNeedDrain);
    },
    end(taken) {
      isEnded = true;
      (body ??= open()).push(null);
      // Until then the statement's own deadline has been the end of a caller that does not read.
      whenTaken(reply, unreadMs, taken);
    },
    failed: (problem) => void reply.send(problem),
  });
  return run;
}
