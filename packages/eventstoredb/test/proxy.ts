import { connect, createServer, type Socket } from 'node:net';

/** A wire between a client and the server that can be cut, stopped and listened to. */
export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /** Breaks every connection; new ones are made as before. */
  readonly cut: () => void;
  /** From now on nothing that the server sends arrives, until `release`. */
  readonly holdAnswers: () => void;
  /** From now on nothing that the client sends arrives, until `release`. */
  readonly holdRequests: () => void;
  readonly release: () => void;
  /** While refused, connections are closed at once. */
  readonly refuse: (refused: boolean) => void;
}

export async function startProxy(targetUrl: string): Promise<Proxy> {
  const { hostname, port } = new URL(targetUrl.replace('esdb:', 'http:'));
  const pairs = new Set<{ client: Socket; server: Socket }>();
  const held = { answers: false, requests: false };
  let refused = false;

  const proxy = createServer((client) => {
    if (refused) {
      client.destroy();
      return;
    }
    const server = connect(Number(port), hostname);
    const pair = { client, server };
    pairs.add(pair);
    const end = () => {
      pairs.delete(pair);
      client.destroy();
      server.destroy();
    };
    for (const socket of [client, server]) socket.on('error', end).on('close', end);
    client.on('data', (bytes) => {
      if (!held.requests) server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (!held.answers) client.write(bytes);
    });
  });
  await new Promise<void>((resolve) => {
    proxy.listen(0, '127.0.0.1', resolve);
  });
  const address = proxy.address();
  const cut = () => {
    for (const { client, server } of pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  };
  return {
    url: `esdb://127.0.0.1:${typeof address === 'object' && address ? address.port : 0}?tls=false`,
    cut,
    holdAnswers: () => {
      held.answers = true;
    },
    holdRequests: () => {
      held.requests = true;
    },
    // What was held back is lost, so the connections are of no use any more.
    release: () => {
      held.answers = false;
      held.requests = false;
      cut();
    },
    refuse: (value) => {
      refused = value;
      if (value) cut();
    },
    async [Symbol.asyncDispose]() {
      cut();
      await new Promise((resolve) => {
        proxy.close(resolve);
      });
    },
  };
}
