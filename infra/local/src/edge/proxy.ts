import { Agent, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from 'node:http';

/** Headers that speak of one connection only (RFC 9110 §7.6.1) and are not handed on. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export interface Proxy {
  /**
   * Hands the request on under `path`, and the answer back, both streamed. `onUnreachable` is called instead when the app breaks off
   * before it has begun to answer; nothing is ever sent twice.
   */
  forward(incoming: IncomingMessage, outgoing: ServerResponse, path: string, onUnreachable: () => void): void;
  stop(): void;
}

/** Connections to one app, kept open from one request to the next. */
export function createProxy(upstream: string): Proxy {
  const { hostname, port } = new URL(upstream);
  const agent = new Agent({ keepAlive: true, maxSockets: 256, scheduling: 'lifo' });
  return {
    forward(incoming, outgoing, path, onUnreachable) {
      const headers = {
        ...endToEnd(incoming.headers),
        'x-forwarded-for': incoming.socket.remoteAddress ?? '',
        'x-forwarded-host': incoming.headers.host ?? '',
      };
      const onwards = request({ agent, hostname, port, method: incoming.method, path, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
        answer.pipe(outgoing);
        answer.once('error', () => outgoing.destroy());
      });
      onwards.once('error', () => {
        if (outgoing.headersSent) outgoing.destroy();
        else onUnreachable();
      });
      outgoing.once('close', () => {
        // The caller went away: the app need not finish.
        if (!outgoing.writableFinished) onwards.destroy();
      });
      incoming.pipe(onwards);
    },
    stop: () => agent.destroy(),
  };
}

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = new Set((headers.connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name)));
}
