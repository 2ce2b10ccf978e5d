import { createServer, type Http2Server, type ServerHttp2Session } from 'node:http2';
import { EventStoreServerError, systemCodeOf } from '../errors.ts';
import { type GrpcCall, type GrpcMethod, openCall } from './call.ts';
import { GrpcCode, toTrailers } from './status.ts';

/** Room for what callers send in one turn of the event loop: per call and per connection. */
const CALL_WINDOW = 4 * 1024 * 1024;
const CONNECTION_WINDOW = 16 * 1024 * 1024;

/** How long callers get to take what was sent before a stop closes their connections. */
const STOP_GRACE_MS = 500;

export interface GrpcServer {
  readonly port: number;
  /** Ends every call as unavailable, closes every connection and the port. */
  readonly stop: () => Promise<void>;
}

/**
 * A gRPC server without TLS on Node's HTTP/2. `methods` by path, `/package.Service/Method`; `unimplemented` says why a path is not there.
 * Throws `port_taken` or `host_unusable`.
 */
export async function listen(options: {
  host: string;
  port: number;
  methods: ReadonlyMap<string, GrpcMethod>;
  unimplemented: (path: string) => string;
}): Promise<GrpcServer> {
  const { host, methods, unimplemented } = options;
  const server = createServer({ settings: { initialWindowSize: CALL_WINDOW } });
  const sessions = new Set<ServerHttp2Session>();
  const calls = new Set<GrpcCall>();

  server.on('session', (session) => {
    session.setLocalWindowSize(CONNECTION_WINDOW);
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    // A connection that broke; its calls are told by their streams.
    session.on('error', () => session.destroy());
  });
  server.on('stream', (stream, headers) => {
    const path = headers[':path'] ?? '';
    const method = methods.get(path);
    if (!method) {
      stream.on('error', () => undefined);
      const trailers = toTrailers({ code: GrpcCode.UNIMPLEMENTED, message: unimplemented(path) });
      stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto', ...trailers }, { endStream: true });
      stream.resume();
      return;
    }
    const call = openCall(stream, headers, method);
    calls.add(call);
    call.onClose(() => calls.delete(call));
  });

  const port = await bind(server, host, options.port);
  return {
    port,
    async stop() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const call of calls) call.end({ code: GrpcCode.UNAVAILABLE, message: 'the event store is stopping' });
      for (const session of sessions) session.close();
      const grace = setTimeout(() => {
        for (const session of sessions) session.destroy();
      }, STOP_GRACE_MS);
      await closed;
      clearTimeout(grace);
    },
  };
}

function bind(server: Http2Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(asListenError(error, host, port)));
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

function asListenError(error: Error, host: string, port: number): EventStoreServerError {
  const code = systemCodeOf(error);
  if (code === 'EADDRINUSE') {
    return new EventStoreServerError(
      'port_taken',
      `Port ${port} of ${host} is taken by another program; stop that one or choose another --port.`,
      { cause: error },
    );
  }
  return new EventStoreServerError(
    'host_unusable',
    `The event store cannot listen on ${host}, port ${port} (${error.message}); choose another --host or --port.`,
    { cause: error },
  );
}
