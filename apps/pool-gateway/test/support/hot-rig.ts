import { createServer, type Server } from 'node:http';
import { connect, type Socket } from 'node:net';
import { promisify } from 'node:util';
import type { HotReply, HotRequest } from '../../src/inbound/hot-path/hot-exchange.ts';
import { attachHotPath, type HotPath, type HotPathOptions } from '../../src/inbound/hot-path/hot-path.ts';

export const REQUEST_LINE = 'POST /v1/query HTTP/1.1';
export const HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n';

export interface Rig {
  server: Server;
  hotPath: HotPath;
  port: number;
  /** Bodies that the hot path was given. */
  hot: string[];
  /** Request lines and bodies that the full server was given. */
  full: string[];
}

const rigs: Rig[] = [];
const sockets: Socket[] = [];

/** A server of which every answer tells which of the two readers has read the request. */
export async function createRig(options: Partial<HotPathOptions> = {}): Promise<Rig> {
  const hot: string[] = [];
  const full: string[] = [];
  const server = createServer((incoming, response) => {
    let body = '';
    incoming.setEncoding('utf8');
    incoming.on('data', (chunk: string) => (body += chunk));
    incoming.on('end', () => {
      full.push(`${incoming.method} ${incoming.url} ${body}`);
      response.end(`full:${body}`);
    });
  });
  const handle = ({ body }: HotRequest, reply: HotReply): boolean => {
    if (body.toString().startsWith('not hot')) return false;
    hot.push(body.toString());
    reply.send(HEAD, Buffer.from(`hot:${body.toString()}`));
    return true;
  };
  const hotPath = attachHotPath(server, { requestLine: REQUEST_LINE, handle, check: () => true, ...options });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The server listens nowhere.');
  const rig: Rig = { server, hotPath, port: address.port, hot, full };
  rigs.push(rig);
  return rig;
}

async function closeRig({ server, hotPath }: Rig): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve());
  });
  hotPath.close();
  server.closeAllConnections();
  await closed;
}

/** Ends what `call` and `createRig` have opened. */
export async function closeAll(): Promise<void> {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(rigs.splice(0).map(closeRig));
}

/** A caller that keeps what it is sent. */
export function call(port: number): { socket: Socket; received: () => string; ended: () => boolean } {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
  sockets.push(socket);
  const chunks: Buffer[] = [];
  let ended = false;
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('end', () => (ended = true));
  socket.on('close', () => (ended = true));
  socket.on('error', () => (ended = true));
  return { socket, received: () => Buffer.concat(chunks).toString('latin1'), ended: () => ended };
}

export const headers = ['host: gateway.example', 'authorization: Bearer abc', 'content-type: application/json'];
export function request(
  body: string,
  more: readonly string[] = [],
  base: readonly string[] = headers,
  line = REQUEST_LINE,
): string {
  return [line, ...base, ...more, `content-length: ${Buffer.byteLength(body)}`, '', body].join('\r\n');
}
export const connectionsOf = (server: Server): Promise<number> => promisify(server.getConnections.bind(server))();
export const count = (text: string, part: string): number => text.split(part).length - 1;
