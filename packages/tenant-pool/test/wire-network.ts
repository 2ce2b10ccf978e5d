import { connect, createServer, type Socket } from 'node:net';

export interface Listener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** Connections open at the moment. */
  readonly open: () => number;
}

/** A server of the test's own; `onConnection` plays it. On a Unix socket with this path, if one is given. */
export async function listen(onConnection: (socket: Socket) => void, path?: string): Promise<Listener> {
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    onConnection(socket);
  });
  await new Promise<void>((resolve) => {
    listener.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path }, resolve);
  });
  const address = listener.address();
  return {
    host: '127.0.0.1',
    port: typeof address === 'object' && address ? address.port : 0,
    open: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => {
        listener.close(resolve);
      });
    },
  };
}

/**
 * A wire to a server that hands the server's bytes on as `passOn` wants: in pieces, late, or not at all. `passOn` gets the bytes, the way to the
 * client and the number of bytes that came before.
 */
export function startWire(
  target: { host: string; port: number },
  passOn: (bytes: Buffer, client: Socket, before: number) => void = (bytes, client) => client.write(bytes),
  path?: string,
): Promise<Listener> {
  return listen((client) => {
    const upstream = connect(target.port, target.host);
    let before = 0;
    upstream.on('error', () => client.destroy()).on('close', () => client.end());
    client.on('close', () => upstream.destroy()).on('data', (bytes) => upstream.write(bytes));
    client.setNoDelay(true);
    upstream.on('data', (bytes) => {
      passOn(bytes, client, before);
      before += bytes.length;
    });
  }, path);
}
