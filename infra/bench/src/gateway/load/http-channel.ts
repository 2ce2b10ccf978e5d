import type { Channel, OnAnswer, Request } from './channel.ts';
import type { ClientLogin, Target } from './messages.ts';
import { connectRaw } from './socket.ts';
import type { Call } from '../workload.ts';

const HEAD_END = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const OK = Buffer.from(' 200 ');

/** The request as it goes over the wire, on a connection that is kept alive. */
export function httpRequest(target: Target, { token }: Pick<ClientLogin, 'token'>, call: Call): Buffer {
  const body = JSON.stringify({ sql: call.text, params: call.params });
  return Buffer.from(
    [
      'POST /v1/query HTTP/1.1',
      `host: ${target.host}:${target.port}`,
      `authorization: Bearer ${token}`,
      'content-type: application/json',
      `content-length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}

/** What the head of an answer says; undefined while it is not all there. */
export interface Head {
  ok: boolean;
  bodyStart: number;
  /** Undefined: in chunks. */
  bodyLength: number | undefined;
}

export function readHead(buffer: Buffer): Head | undefined {
  const headEnd = buffer.indexOf(HEAD_END);
  if (headEnd < 0) return undefined;
  const ok = buffer.compare(OK, 0, OK.length, 8, 8 + OK.length) === 0;
  const length = /\r\ncontent-length: *(\d+)/i.exec(buffer.toString('latin1', 0, headEnd))?.[1];
  return { ok, bodyStart: headEnd + 4, bodyLength: length === undefined ? undefined : Number(length) };
}

/** Opens a connection that is used for one request after the other. */
export async function openHttpChannel(target: Target, onAnswer: OnAnswer): Promise<Channel> {
  let open = true;
  let inAnswer = false;
  let ok = true;
  /** Bytes of the body that are still to come; -1 in chunks. */
  let missing = 0;
  let rest: Buffer | undefined;

  const channel: Channel = {
    pool: 0,
    get open() {
      return open;
    },
    request: undefined,
    since: 0,
    sampled: false,
    send: (request: Request) => void socket.write(request.bytes),
    close: () => socket.destroy(),
  };

  /** Of an answer that is looked into, or is a refusal, as it came. */
  let parts: Buffer[] = [];
  /** The last bytes of an answer in chunks. */
  let end = Buffer.alloc(0);

  const take = (body: Buffer): void => {
    if (channel.sampled || !ok) parts.push(Buffer.from(body));
    if (missing >= 0) missing -= body.length;
    else end = Buffer.concat([end, body.subarray(-LAST_CHUNK.length)]).subarray(-LAST_CHUNK.length);
    if (missing > 0 || (missing < 0 && !end.equals(LAST_CHUNK))) return;
    inAnswer = false;
    const answer = parts.length === 0 ? undefined : Buffer.concat(parts);
    parts = [];
    onAnswer(channel, ok ? undefined : 'not 200', answer);
  };

  const read = (chunk: Buffer): void => {
    if (inAnswer) {
      take(chunk);
      return;
    }
    const buffer = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
    const head = readHead(buffer);
    rest = head === undefined ? Buffer.from(buffer) : undefined;
    if (head === undefined) return;
    inAnswer = true;
    ok = head.ok;
    missing = head.bodyLength ?? -1;
    end = Buffer.alloc(0);
    take(buffer.subarray(head.bodyStart));
  };

  const socket = await connectRaw(target, read);
  socket.on('close', () => {
    open = false;
    if (channel.request !== undefined) onAnswer(channel, 'connection lost', undefined);
  });
  return channel;
}
