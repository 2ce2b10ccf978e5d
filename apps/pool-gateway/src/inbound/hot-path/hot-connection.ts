import type { Socket } from 'node:net';
import type { HeadCheck, HotHandler, HotReply, Refusal } from './hot-exchange.ts';
import { headLength, readHead, type RequestHead } from './request-head.ts';

export interface HotConnectionOptions {
  /** For instance `POST /v1/query HTTP/1.1`. */
  readonly requestLine: string;
  /** Longer ones go to the full server, as does any other request. */
  readonly maxHeadBytes: number;
  readonly maxBodyBytes: number;
  readonly handle: HotHandler;
  readonly check: HeadCheck;
  /** For how long what was sent may stay unread once the connection ends. */
  readonly unreadMs: number;
  /** Takes the connection over, with the bytes that were read of it. */
  readonly handOver: (socket: Socket, bytes: Buffer) => void;
}

const NOTHING = Buffer.alloc(0);
/** While a request is under way its caller may send this much more. */
const MAX_AHEAD = 64 * 1024;
/** How long a caller that is still sending has to read why it is refused, before the connection is gone. */
const LINGER_MS = 1000;

/** One connection of a caller, as long as it brings nothing but plain requests for the hot path. */
export interface HotConnection {
  readonly state: 'idle' | 'head' | 'body' | 'answering' | 'writing' | 'gone';
  /** When it came into its state, in the unit of the clock it was given. */
  readonly since: number;
  /** Ends it now if no request is under way, else with the answer. */
  finish(): void;
  /** Ends it whatever is under way. */
  destroy(): void;
}

/**
 * Reads requests one after the other and hands them to the handler: a caller that sends several at once gets them answered in
 * order. With the first request that is not a plain one for the hot path, the whole connection goes to the full server for good.
 */
export function createHotConnection(
  socket: Socket,
  options: HotConnectionOptions,
  { now, onGone }: { now: () => number; onGone: (connection: HotConnection) => void },
): HotConnection {
  const firstLine = Buffer.from(`${options.requestLine}\r\n`);
  let state: HotConnection['state'] = 'idle';
  let since = now();
  let pending: Buffer = NOTHING;
  let finishing = false;
  let isPaused = false;
  let isTaking = false;
  let isChecking = false;
  /** The caller may send the body that is awaited. */
  let isAdmitted = false;
  let reply: HotReply | undefined;
  // A caller that keeps its connection sends the same head again and again, but for the length of the body.
  let lastHeadBytes: Buffer = NOTHING;
  let lastHead: RequestHead | undefined;

  const become = (next: HotConnection['state']): void => {
    state = next;
    since = now();
  };

  const leave = (): void => {
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.off('close', onClose);
    socket.off('error', onError);
    socket.off('drain', onDrain);
    become('gone');
    pending = NOTHING;
    onGone(connection);
  };

  /** What is not for us goes to the full server before its head is complete. */
  const startsRight = (bytes: Buffer): boolean => {
    const compared = Math.min(bytes.length, firstLine.length);
    return firstLine.compare(bytes, 0, compared, 0, compared) === 0;
  };

  const headOf = (bytes: Buffer): RequestHead | 'incomplete' | undefined => {
    const known = lastHeadBytes.length;
    if (lastHead && bytes.length >= known && lastHeadBytes.compare(bytes, 0, known) === 0) return lastHead;
    const length = headLength(bytes);
    if (length === -1) return bytes.length <= options.maxHeadBytes && startsRight(bytes) ? 'incomplete' : undefined;
    if (length > options.maxHeadBytes) return undefined;
    lastHead = readHead(bytes, length, options.requestLine);
    // Its own copy: the chunk it came in is much longer.
    lastHeadBytes = lastHead ? Buffer.from(bytes.subarray(0, length)) : NOTHING;
    return lastHead;
  };

  /** Takes requests out of what has been read, as long as they are answered at once: in a loop, because a caller may send more than the stack is deep. */
  const next = (): void => {
    if (isTaking || isChecking) return;
    isTaking = true;
    while (take());
    isTaking = false;
  };

  /** Takes one request, if it is all there. Whether it was answered at once, so that it is the turn of the one after it. */
  const take = (): boolean => {
    if (pending.length === 0) {
      become('idle');
      return false;
    }
    const head = headOf(pending);
    if (head === 'incomplete') return startReading('head');
    if (head === undefined || head.contentLength > options.maxBodyBytes) return handOver();
    const end = head.length + head.contentLength;
    if (pending.length < end) return isAdmitted ? startReading('body') : check(head);
    isAdmitted = false;
    const body = pending.subarray(head.length, end);
    const whole = pending;
    pending = pending.length === end ? NOTHING : pending.subarray(end);
    become('answering');
    reply = createReply();
    if (options.handle({ head, body }, reply)) return reply === undefined && isAnswering();
    reply = undefined;
    pending = whole;
    return handOver();
  };

  /** What its state is by now: asked for anew, because a call may have changed it. */
  const isAnswering = (): boolean => state === 'answering';

  const startReading = (part: 'head' | 'body'): false => {
    if (state !== part) become(part);
    return false;
  };

  /** Whoever may not send the body does not get to fill memory with it. */
  const check = (head: RequestHead): false => {
    const verdict = options.check(head);
    if (verdict === true) {
      isAdmitted = true;
      return startReading('body');
    }
    isChecking = true;
    socket.pause();
    void verdict.then((refusal) => {
      isChecking = false;
      if (state === 'gone') return;
      if (refusal !== undefined) return refuse(refusal);
      isAdmitted = true;
      socket.resume();
      next();
    });
    return startReading('body');
  };

  /** Nothing more is read: what the caller goes on sending stays with it. */
  const refuse = (refusal: Refusal): void => {
    finishing = true;
    pending = NOTHING;
    become('answering');
    reply = createReply();
    refusal(reply);
  };

  const handOver = (): false => {
    const bytes = pending;
    leave();
    options.handOver(socket, bytes);
    return false;
  };

  const createReply = (): HotReply => {
    let isSent = false;
    return {
      asker: undefined,
      send(head, body, sent) {
        if (isSent) throw new TypeError('A request has one answer.');
        isSent = true;
        if (state === 'gone') return sent?.();
        reply = undefined;
        write(head, body, sent);
        if (finishing) return socket.isPaused() ? endUnread() : end();
        if (isPaused) resume();
        if (socket.writableNeedDrain) become('writing');
        else next();
      },
    };
  };

  const write = (head: string, body: Uint8Array, sent?: () => void): void => {
    const framed = `${head}content-length: ${body.length}\r\n${finishing ? 'connection: close\r\n' : ''}\r\n`;
    const joined = Buffer.allocUnsafe(framed.length + body.length);
    joined.write(framed, 0, 'latin1');
    joined.set(body, framed.length);
    socket.write(joined, sent);
  };

  const resume = (): void => {
    isPaused = false;
    socket.resume();
  };

  const end = (): void => {
    leave();
    socket.on('error', () => undefined);
    if (socket.writableLength > 0) {
      const overdue = setTimeout(() => socket.destroy(), options.unreadMs);
      socket.once('close', () => clearTimeout(overdue));
    }
    socket.destroySoon();
  };

  /** Closing at once, with bytes of the caller's unread, would take the answer from it. */
  const endUnread = (): void => {
    leave();
    socket.on('error', () => undefined);
    socket.end();
    setTimeout(() => socket.destroy(), LINGER_MS).unref();
  };

  const onData = (chunk: Buffer): void => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    if (state === 'answering' || state === 'writing') {
      if (pending.length > MAX_AHEAD && !isPaused) {
        isPaused = true;
        socket.pause();
      }
      return;
    }
    next();
  };
  const onDrain = (): void => {
    if (state !== 'writing') return;
    if (isPaused) resume();
    next();
  };
  // Like Node's own server: a caller that closes its side has gone, and what it asked for is given up.
  const onEnd = (): void => {
    const asker = reply?.asker;
    reply = undefined;
    end();
    asker?.gone();
  };
  const onClose = (): void => {
    const asker = reply?.asker;
    reply = undefined;
    leave();
    asker?.gone();
  };
  const onError = (): void => {
    socket.destroy();
  };

  const connection: HotConnection = {
    get state() {
      return state;
    },
    get since() {
      return since;
    },
    finish() {
      finishing = true;
      if (state !== 'answering') end();
    },
    destroy() {
      socket.destroy();
    },
  };
  socket.on('data', onData);
  socket.on('end', onEnd);
  socket.on('close', onClose);
  socket.on('error', onError);
  socket.on('drain', onDrain);
  return connection;
}
