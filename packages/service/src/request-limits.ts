import type { IncomingMessage } from 'node:http';
import type { HttpServer } from './http-server.ts';
import { ProblemError } from './problem.ts';

/** More than any caller sends that means well. */
const MAX_HEADERS = 100;
/** Of these Node keeps the first and says nothing of the others, which something before this server may have read instead. */
const AT_MOST_ONCE: ReadonlySet<string> = new Set(['authorization', 'content-type', 'host']);
/** How long a caller that has its answer may go on sending what nobody wants. */
const LINGER_MS = 2000;

/** How long a head may be on its way, and how often that is looked at. */
export const headTimeouts = (headTimeoutMs = 15_000) => ({
  headersTimeout: headTimeoutMs,
  connectionsCheckingInterval: Math.min(headTimeoutMs, 5000),
});

/** Refuses heads that could be read in two ways, and does not go on reading what a caller sends after it was answered. */
export function limitRequests(server: HttpServer): void {
  // Node's own limit drops what is beyond it, so that this one would not see it. The length of a head is limited anyhow.
  server.server.maxHeadersCount = 0;
  server.addHook('onRequest', (request, reply, done) => {
    // Node reads nothing more on a connection that was to become another protocol's.
    if (request.headers.upgrade !== undefined) void reply.header('connection', 'close');
    done(problemOfHead(request.raw));
  });
  server.addHook('onResponse', ({ raw }, { statusCode }, done) => {
    // A caller of a body that is too long is let finish: it may look at its answer only then.
    if (!raw.complete && statusCode !== 413) {
      setTimeout(() => {
        if (!raw.complete) raw.destroy();
      }, LINGER_MS).unref();
    }
    done();
  });
}

function problemOfHead({ rawHeaders }: IncomingMessage): ProblemError | undefined {
  if (rawHeaders.length > 2 * MAX_HEADERS) {
    return new ProblemError({
      status: 431,
      code: 'headers_too_many',
      detail: `A request may have ${MAX_HEADERS} headers.`,
      headers: { connection: 'close' },
    });
  }
  const seen = new Set<string>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    if (!AT_MOST_ONCE.has(name)) continue;
    if (seen.has(name)) {
      return new ProblemError({
        status: 400,
        code: 'header_repeated',
        detail: `The header ${name} may be given once.`,
        field: name,
        headers: { connection: 'close' },
      });
    }
    seen.add(name);
  }
  return undefined;
}
