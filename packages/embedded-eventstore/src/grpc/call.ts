import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { createFrameReader } from './framing.ts';
import { GrpcCode, type GrpcStatus, statusOf, toTrailers } from './status.ts';

const RESPONSE_HEADERS = { ':status': 200, 'content-type': 'application/grpc+proto' };

/** What a method does with the messages of its caller. A throw ends the call with that error's status. */
interface MessageSink {
  readonly message: (bytes: Buffer) => void;
  /** The caller sends nothing more. */
  readonly halfClose: () => void;
}

/** One call of one method, from the server's side. After it is closed, everything it is asked to do is ignored. */
export interface GrpcCall {
  readonly headers: IncomingHttpHeaders;
  /** Ended by us, or cancelled or lost by the caller. */
  readonly isClosed: () => boolean;
  readonly onClose: (listener: () => void) => void;
  /** Sends one framed message. False when the caller does not keep up: then await `drained` before sending more. */
  readonly send: (frame: Buffer) => boolean;
  /** Several messages in few packets. */
  readonly together: (sendAll: () => void) => void;
  /** Fulfilled when there is room again, or the call is closed. */
  readonly drained: () => Promise<void>;
  /** Stops and starts reading the caller's messages. */
  readonly pause: () => void;
  readonly resume: () => void;
  readonly end: (status?: GrpcStatus) => void;
}

export type GrpcMethod = (call: GrpcCall) => MessageSink;

const OK: GrpcStatus = { code: GrpcCode.OK, message: '' };

/** Speaks gRPC on an HTTP/2 stream. */
export function openCall(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, method: GrpcMethod): GrpcCall {
  let closed = false;
  let trailers = toTrailers(OK);
  const closeListeners: (() => void)[] = [];
  let waitingForRoom: (() => void)[] = [];

  const announceRoom = () => {
    const told = waitingForRoom;
    waitingForRoom = [];
    for (const tell of told) tell();
  };
  const close = () => {
    if (closed) return;
    closed = true;
    announceRoom();
    for (const listener of closeListeners) listener();
  };

  const respond = () => {
    if (stream.headersSent) return;
    stream.respond(RESPONSE_HEADERS, { waitForTrailers: true });
    stream.once('wantTrailers', () => stream.sendTrailers(trailers));
  };

  const call: GrpcCall = {
    headers,
    isClosed: () => closed,
    onClose: (listener) => {
      if (closed) listener();
      else closeListeners.push(listener);
    },
    send(frame) {
      if (closed) return true;
      respond();
      return stream.write(frame);
    },
    together(sendAll) {
      stream.cork();
      sendAll();
      stream.uncork();
    },
    drained: () =>
      new Promise((resolve) => {
        if (closed || !stream.writableNeedDrain) resolve();
        else waitingForRoom.push(resolve);
      }),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
    end(status = OK) {
      if (closed) return;
      trailers = toTrailers(status);
      if (stream.headersSent) stream.end();
      else stream.respond({ ...RESPONSE_HEADERS, ...trailers }, { endStream: true });
      // What the caller still sends has to be taken from the wire.
      stream.resume();
      close();
    },
  };

  stream.on('drain', announceRoom);
  stream.on('close', close);
  // A connection that broke is a closed call; there is nobody to tell.
  stream.on('error', close);
  const guarded = (work: () => void) => {
    try {
      if (!closed) work();
    } catch (error) {
      call.end(statusOf(error));
    }
  };
  guarded(() => {
    const sink = method(call);
    const readFrames = createFrameReader((message) => guarded(() => sink.message(message)));
    stream.on('data', (chunk: Buffer) => guarded(() => readFrames(chunk)));
    stream.on('end', () => guarded(() => sink.halfClose()));
  });
  return call;
}
