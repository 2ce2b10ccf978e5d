import { Agent, request as httpRequest } from 'node:http';
import { Agent as TlsAgent, request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { leaksIn } from '../run/judge.ts';
import type { Planted } from '../run/plant.ts';
import type { ProbeResult } from '../run/report.ts';
import { EVERY_ROW } from './define-http.ts';
import { HTTP_PROBES } from './http-corpus.ts';
import type { HttpAttempt, HttpProbe, TokenKind } from './http-probe.ts';
import { createTokens, type TokenSource } from './tokens.ts';

export interface HttpOptions {
  readonly url: string;
  readonly attacker: { readonly tenantId: string; readonly tier: ProbeResult['tier'] };
  readonly victim: Planted;
  readonly tokens: TokenSource;
  readonly probes?: readonly HttpProbe[] | undefined;
  readonly onResult?: ((result: ProbeResult) => void) | undefined;
}

const UNKNOWN_TENANT = 'nobody-of-this-name';
/** An answer that has not come by then will not. */
const ANSWER_MS = 30_000;
/** How long a connection with bytes as they are is listened to after its last answer. */
const SILENCE_MS = 500;

interface HttpReply {
  readonly status: number;
  readonly code: string | undefined;
  readonly text: string;
}

/** Runs the attacks on the gateway's own paths. Probes whose tokens cannot be made are in `skipped`. */
export async function runHttpProbes(options: HttpOptions): Promise<{ results: ProbeResult[]; skipped: string[] }> {
  const { attacker, victim } = options;
  const tokenOf = createTokens(options.tokens, victim.party.tenantId);
  const results: ProbeResult[] = [];
  const skipped: string[] = [];
  for (const probe of options.probes ?? HTTP_PROBES) {
    const began = performance.now();
    const run = probe.raw === undefined ? await runRequests(probe, options, tokenOf) : await runRaw(probe.raw, options);
    if (run === undefined) {
      skipped.push(probe.id);
      continue;
    }
    const result: ProbeResult = {
      probe: probe.id,
      category: probe.category,
      tier: attacker.tier,
      route: 'gateway',
      login: 'read-write',
      form: 'simple',
      ms: Math.round(performance.now() - began),
      ...run,
    };
    results.push(result);
    options.onResult?.(result);
  }
  return { results, skipped };
}

type Run = Pick<ProbeResult, 'expected' | 'outcome' | 'faults'>;

async function runRequests(
  probe: HttpProbe,
  options: HttpOptions,
  tokenOf: (kind: TokenKind) => Promise<string | undefined>,
): Promise<Run | undefined> {
  const tls = options.url.startsWith('https:');
  const agent = tls ? new TlsAgent({ keepAlive: true, maxSockets: 1 }) : new Agent({ keepAlive: true, maxSockets: 1 });
  const replies: HttpReply[] = [];
  const faults: string[] = [];
  try {
    for (const attempt of probe.requests) {
      const token = await tokenOf(attempt.token);
      if (token === undefined && attempt.token !== 'none') return undefined;
      const reply = await send(options, attempt, token, agent);
      replies.push(reply);
      if (!isExpected(reply, attempt.expect)) {
        faults.push(`answered ${describe(reply)}, not ${attempt.expect.join(' or ')}`);
      }
      faults.push(...leaksIn(reply.text, { markers: options.victim.markers, sent: '' }), ...echoes(reply.text, token));
    }
  } finally {
    agent.destroy();
  }
  if (probe.alike === true && new Set(replies.map(withoutIds)).size > 1)
    faults.push('answered one tenant otherwise than another');
  return {
    expected: probe.requests.map(({ expect }) => expect.join(' or ')).join(', then '),
    outcome: replies.map(describe).join(', then '),
    faults,
  };
}

function send(
  { url, attacker, victim, tokens }: HttpOptions,
  attempt: HttpAttempt,
  token: string | undefined,
  agent: Agent,
): Promise<HttpReply> {
  const names = { self: attacker.tenantId, victim: victim.party.tenantId, token: tokens.own };
  const { method = 'POST', path = '/v1/query', scheme = 'Bearer', body = EVERY_ROW } = attempt;
  const text = fill(typeof body === 'string' ? body : JSON.stringify(body), names);
  const headers: Record<string, string | string[]> = {
    ...(token === undefined ? {} : { authorization: `${scheme} ${token}` }),
    ...(method === 'GET' ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
  };
  for (const [name, value] of Object.entries(attempt.headers ?? {})) {
    headers[name] = typeof value === 'string' ? fill(value, names) : value.map((each) => fill(each, names));
  }
  const { promise, resolve, reject } = Promise.withResolvers<HttpReply>();
  const target = new URL(url);
  const start = target.protocol === 'https:' ? httpsRequest : httpRequest;
  // The path goes as it is written: a URL would resolve what climbs.
  const options = {
    host: target.hostname,
    port: target.port,
    method,
    path: fill(path, names),
    headers,
    agent,
    timeout: ANSWER_MS,
  };
  const request = start(options, (response) => {
    readText(response).then(
      (answer) =>
        resolve({
          status: response.statusCode ?? 0,
          code: codeIn(answer),
          text: `${JSON.stringify(response.headers)}\n${answer}`,
        }),
      reject,
    );
  });
  request.on('error', reject);
  request.on('timeout', () => request.destroy(new Error('No answer came.')));
  request.end(method === 'GET' ? undefined : text);
  return promise.catch((error: unknown) => ({
    status: 0,
    code: undefined,
    text: error instanceof Error ? error.message : String(error),
  }));
}

/** Bytes as they are; undefined over TLS, where they are not ours to write. */
async function runRaw(raw: NonNullable<HttpProbe['raw']>, options: HttpOptions): Promise<Run | undefined> {
  const target = new URL(options.url);
  if (target.protocol !== 'http:') return undefined;
  const names = { self: options.attacker.tenantId, victim: options.victim.party.tenantId, token: options.tokens.own };
  const answer = await exchange(target, fill(raw.text, names));
  const statuses = [...answer.matchAll(/HTTP\/1\.[01] (\d{3})/g)].map(([, status]) => Number(status));
  const wrong = statuses.filter((status) => !raw.statuses.includes(status));
  const faults = [
    ...(wrong.length === 0 ? [] : [`answered ${wrong.join(', ')}, not ${raw.statuses.join(' or ')}`]),
    ...leaksIn(answer, { markers: options.victim.markers, sent: '' }),
    ...echoes(answer, options.tokens.own),
  ];
  return { expected: raw.statuses.join(' or '), outcome: statuses.join(', then ') || 'closed', faults };
}

function exchange({ hostname, port }: URL, bytes: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const chunks: Buffer[] = [];
  const socket = connect({ host: hostname, port: Number(port || 80) });
  socket.setTimeout(SILENCE_MS, () => {
    // Silence before the first answer is waiting; behind it, it is the end.
    if (chunks.length > 0) socket.destroy();
    else socket.setTimeout(ANSWER_MS, () => socket.destroy());
  });
  socket.on('connect', () => socket.write(bytes, 'latin1'));
  socket.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    socket.setTimeout(SILENCE_MS);
  });
  socket.on('error', () => {});
  socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  return promise;
}

const fill = (text: string, { self, victim, token }: { self: string; victim: string; token: string }): string =>
  text
    .replaceAll('{self}', self)
    .replaceAll('{SELF}', self.toUpperCase())
    .replaceAll('{victim}', victim)
    .replaceAll('{unknown}', UNKNOWN_TENANT)
    .replaceAll('{token}', token);

function isExpected({ status, code }: HttpReply, expect: readonly string[]): boolean {
  return expect.includes(String(status)) || (code !== undefined && expect.includes(`${status} ${code}`));
}

const describe = ({ status, code, text }: HttpReply): string =>
  status === 0 ? `nothing (${text})` : `${status}${code === undefined ? '' : ` ${code}`}`;

/** A token in an answer would be in whatever keeps answers. */
const echoes = (text: string, token: string | undefined): string[] =>
  token !== undefined && token.length > 20 && text.includes(token) ? ['returned the token'] : [];

const withoutIds = ({ status, text }: HttpReply): string =>
  `${status} ${text.slice(text.indexOf('\n')).replaceAll(/"(instance|request_id)":"[^"]*"/g, '')}`;

function codeIn(text: string): string | undefined {
  return /"code":"(\w+)"/.exec(text)?.[1];
}
