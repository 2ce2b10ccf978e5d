import { EventEmitter } from 'node:events';
import { PassThrough, Readable, Transform } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { setImmediate as immediate } from 'node:timers/promises';
import fastify, { type FastifyInstance } from 'fastify';
import { createTenantStorage, fromHttpHeader, tenantIsolation, type TenantStorage } from '../src/index.ts';
import { createShared, runProgram, type Program } from './programs.ts';

export interface IsolationServer extends AsyncDisposable {
  readonly url: string;
  readonly storage: TenantStorage;
  /** Looks at the context that showed another tenant than the request's, in hooks and listeners. */
  readonly wrong: string[];
  /** Looks made. */
  readonly looks: () => number;
}

/** A server of Fastify as it is, whose callers are believed, and whose every hook and listener looks at the context. */
export const startIsolationServer = async (): Promise<IsolationServer> => {
  const storage = createTenantStorage();
  const server = fastify({ requestTimeout: 30_000 });
  const wrong: string[] = [];
  let looks = 0;
  const lookFor = (expected: string | undefined, at: string): void => {
    looks += 1;
    const seen = storage.findTenant();
    if (seen !== expected) wrong.push(`${at}: ${seen ?? 'none'} instead of ${expected ?? 'none'}`);
  };
  await server.register(tenantIsolation, { storage, authorize: () => true });
  const tenantOf = (request: { headers: Record<string, string | string[] | undefined> }): string =>
    fromHttpHeader(request.headers);
  addLookingHooks(server, lookFor);

  /** Runs the steps it is sent and answers with what it saw on the way. */
  const shared = createShared();
  server.post<{ Body: Program }>('/programs', async (request) => {
    lookFor(tenantOf(request), 'handler');
    return runProgram(storage, shared, { ...request.body, tenantId: tenantOf(request) }, () => immediate());
  });

  server.get<Chunked>('/node-stream', { schema: chunked }, async (request) => {
    const expected = tenantOf(request);
    let left = request.query.chunks;
    return new Readable({
      read() {
        lookFor(expected, 'read of the response stream');
        this.push(left-- > 0 ? chunkOf(storage) : null);
      },
    });
  });

  server.get<Chunked>('/generator', { schema: chunked }, async (request) => {
    const expected = tenantOf(request);
    return Readable.from(
      (async function* chunks() {
        for (let left = request.query.chunks; left > 0; left -= 1) {
          lookFor(expected, 'generator');
          yield chunkOf(storage);
          lookFor(expected, 'generator after a chunk');
          await immediate();
        }
      })(),
    );
  });

  server.get<Chunked>('/web-stream', { schema: chunked }, (request, reply) => {
    const expected = tenantOf(request);
    let left = request.query.chunks;
    return reply.send(
      new ReadableStream({
        pull(controller) {
          lookFor(expected, 'pull of the response stream');
          if (left-- > 0) controller.enqueue(Buffer.from(chunkOf(storage)));
          else controller.close();
        },
      }),
    );
  });

  /** Writes the socket itself, and goes on when it has drained. */
  server.get<Chunked>('/raw', { schema: chunked }, (request, reply) => {
    const expected = tenantOf(request);
    let left = request.query.chunks;
    reply.hijack();
    const write = (): void => {
      lookFor(expected, 'drain of the response');
      while (left-- > 0) if (!reply.raw.write(chunkOf(storage))) return void reply.raw.once('drain', write);
      reply.raw.end();
    };
    write();
  });

  /** Reads the body chunk by chunk, through listeners. */
  server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
    scope.post('/upload', (request, reply) => {
      const expected = tenantOf(request);
      let bytes = 0;
      request.raw.on('data', (chunk: Buffer) => {
        lookFor(expected, 'chunk of the body');
        bytes += chunk.length;
      });
      request.raw.on('end', () => {
        lookFor(expected, 'end of the body');
        reply.send({ tenant: storage.findTenant(), bytes });
      });
      const copy = new PassThrough();
      copy.on('data', () => lookFor(expected, 'piped body'));
      request.raw.pipe(copy);
    });
  });

  /** Answers from a connection that all requests share, in whose context the answer comes. */
  const upstream = sharedUpstream();
  server.get('/callback', (request, reply) => {
    const expected = tenantOf(request);
    upstream(() => {
      void reply.send({ tenant: expected });
    });
  });

  /** Answers with a transformation of what comes over that connection. */
  server.get('/transformed', async (request) => {
    const expected = tenantOf(request);
    const transformed = new Transform({
      transform(_chunk, _encoding, done) {
        lookFor(expected, 'transformation of the response');
        done(null, JSON.stringify({ tenant: storage.findTenant() }));
      },
    });
    upstream(() => transformed.end('some bytes'));
    return transformed;
  });

  /** Its hooks ask that connection for something before the request goes on. */
  server.register(async (scope) => {
    scope.addHook('onRequest', (_request, _reply, done) => upstream(() => done()));
    scope.addHook('preParsing', (_request, _reply, payload, done) => upstream(() => done(null, payload)));
    scope.addHook('preValidation', (_request, _reply, done) => upstream(() => done()));
    scope.addHook('preHandler', (_request, _reply, done) => upstream(() => done()));
    scope.get('/hooked', async (request) => {
      lookFor(tenantOf(request), 'handler after hooks');
      return { tenant: storage.findTenant() };
    });
  });

  server.get('/failing', async (request) => {
    const expected = tenantOf(request);
    await immediate();
    lookFor(expected, 'handler');
    throw new Error('on purpose');
  });
  server.setErrorHandler((_error, request, reply) => {
    lookFor(request.admittedTenant?.tenantId, 'error handler');
    return reply.status(418).send({ tenant: storage.findTenant() });
  });

  server.get('/of-no-tenant', { config: { tenant: false } }, async () => {
    lookFor(undefined, 'a route of no tenant');
    return { tenant: storage.findTenant() ?? null };
  });
  server.get('/public', { config: { public: true } }, async () => ({ tenant: storage.findTenant() ?? null }));
  /** Forgets what the request is for, as code with a fault would; on the same connection others follow. */
  server.get('/careless', { config: { tenant: false } }, (_request, reply) => {
    storage.setTenant('careless');
    void reply.send({});
  });

  return {
    url: await server.listen({ host: '127.0.0.1', port: 0 }),
    storage,
    wrong,
    looks: () => looks,
    [Symbol.asyncDispose]: () => server.close(),
  };
};

interface Chunked {
  Querystring: { chunks: number };
}
const chunked = { querystring: { type: 'object', properties: { chunks: { type: 'integer' } } } };

/** So large that a socket fills up, and each chunk says whose it is. */
const chunkOf = (storage: TenantStorage): string => `${storage.findTenant() ?? 'none'} `.padEnd(40_000, '.');

const addLookingHooks = (server: FastifyInstance, lookFor: (expected: string | undefined, at: string) => void): void => {
  server.addHook('onRequest', async (request) => lookFor(request.admittedTenant?.tenantId, 'onRequest'));
  server.addHook('preParsing', async (request) => lookFor(request.admittedTenant?.tenantId, 'preParsing'));
  server.addHook('preValidation', async (request) => lookFor(request.admittedTenant?.tenantId, 'preValidation'));
  server.addHook('preHandler', async (request) => lookFor(request.admittedTenant?.tenantId, 'preHandler'));
  server.addHook('preSerialization', async (request) => lookFor(request.admittedTenant?.tenantId, 'preSerialization'));
  server.addHook('onSend', async (request) => lookFor(request.admittedTenant?.tenantId, 'onSend'));
  server.addHook('onResponse', async (request) => lookFor(request.admittedTenant?.tenantId, 'onResponse'));
  server.addHook('onError', async (request) => lookFor(request.admittedTenant?.tenantId, 'onError'));
};

/** A callback interface over one connection: all who wait are answered together, in the context of whoever asked first. */
const sharedUpstream = (): ((callback: () => void) => void) => {
  const connection = new EventEmitter().setMaxListeners(0);
  let isAsked = false;
  return (callback) => {
    connection.once('answer', callback);
    if (isAsked) return;
    isAsked = true;
    setImmediate(() => {
      isAsked = false;
      connection.emit('answer');
    });
  };
};
