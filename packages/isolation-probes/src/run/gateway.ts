import type { Tier } from '@ultracore/contracts';
import type { Login } from '../probe.ts';
import type { Party, Reply, Request, Result, Session, Statement } from './session.ts';

export interface GatewayOptions {
  readonly tenantId: string;
  readonly tier: Tier;
  /** Where the gateway, or an edge before it, answers. */
  readonly url: string;
  /** Tokens of the tenant: one that may write, one that may only read. */
  readonly tokens: Readonly<Record<Login, string>>;
}

const HUNG_MS = 60_000;
/** The next request may run on any of a tenant's connections: so many at once meet several of them. */
const BACKENDS = 4;

/** A tenant that sends SQL to the gateway, as its product team would. */
export function gatewayParty({ tenantId, tier, url, tokens }: GatewayOptions): Party {
  return {
    tenantId,
    tier,
    route: 'gateway',
    backends: BACKENDS,
    open: async (login): Promise<Session> => ({
      run: (request) => runOver({ url, tenantId, token: tokens[login] }, request),
      // What comes next is the gateway's own affair: that is what is probed.
      reset: async () => {},
      close: async () => {},
    }),
  };
}

interface Caller {
  readonly url: string;
  readonly tenantId: string;
  readonly token: string;
}

async function runOver(caller: Caller, request: Request): Promise<Reply> {
  const { form, statements } = request;
  const limits = request.timeoutMs === undefined ? {} : { timeout_ms: request.timeoutMs };
  const query = async ({ sql, params }: Statement, accept = 'application/json') =>
    send(caller, '/v1/query', { sql, params, row_mode: 'array', ...limits }, accept);
  switch (form) {
    case 'transaction':
      return send(caller, '/v1/transaction', { statements, row_mode: 'array', ...limits }, 'application/json');
    case 'multi-statement':
      return query({ sql: ['select 1', ...statements.map(({ sql }) => sql)].join('; '), params: [] });
    case 'simple':
    case 'parameterised':
      return inTurn(statements, query);
    case 'streamed':
      return inTurn(statements, (statement) => query(statement, 'application/x-ndjson'));
    default:
      return form satisfies never;
  }
}

/** One request a statement, until one is refused. */
async function inTurn(statements: readonly Statement[], query: (statement: Statement) => Promise<Reply>): Promise<Reply> {
  const replies: Reply[] = [];
  for (const statement of statements) {
    const reply = await query(statement);
    replies.push(reply);
    if (reply.code !== undefined) break;
  }
  const results = replies.flatMap((reply) => reply.results);
  const text = replies.map((reply) => reply.text).join('\n');
  return { ...(replies.at(-1) ?? { code: undefined }), results, text };
}

async function send({ url, tenantId, token }: Caller, path: string, body: unknown, accept: string): Promise<Reply> {
  try {
    const response = await fetch(new URL(path, url), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'x-ultracore-tenant-id': tenantId,
        'content-type': 'application/json',
        accept,
      },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(HUNG_MS),
    });
    return toReply(await response.text(), [...response.headers].flat().join(' '));
  } catch (error) {
    const message =
      error instanceof Error ? `${error.message} ${error.cause instanceof Error ? error.cause.message : ''}` : String(error);
    return { code: 'connection_lost', refusedBy: 'nobody', message, results: [], text: message };
  }
}

/** What an answer of the gateway says, whatever its shape: a result, results, a problem, or lines of which the last may be one. */
export function toReply(body: string, headers: string): Reply {
  const text = `${body}\n${headers}`;
  const answers = body
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parse);
  if (answers.length === 0 || answers.includes(undefined)) {
    return { code: 'not_an_answer', refusedBy: 'nobody', message: body.slice(0, 200), results: [], text };
  }
  const rows: unknown[][] = [];
  const results: Result[] = [];
  for (const answer of answers) {
    if (Array.isArray(answer)) {
      rows.push(answer);
      continue;
    }
    const problem = problemOf(answer);
    if (problem !== undefined) return { ...problem, results, text };
    for (const result of resultsOf(answer)) results.push(result);
  }
  const streamed = results.at(-1);
  if (rows.length > 0 && streamed !== undefined) results.splice(-1, 1, { rows, affected: streamed.affected });
  return { code: undefined, results, text };
}

function problemOf(answer: unknown): (Pick<Reply, 'code' | 'refusedBy' | 'message'> & { code: string }) | undefined {
  const problem = field(answer, 'error') ?? answer;
  const code = field(problem, 'code');
  if (typeof code !== 'string') return undefined;
  const sqlState = field(problem, 'sqlstate');
  const detail = field(problem, 'detail');
  const rule = field(problem, 'rule');
  const message = `${typeof detail === 'string' ? detail : ''}${typeof rule === 'string' ? ` [${rule}]` : ''}`;
  return typeof sqlState === 'string'
    ? { code: sqlState, refusedBy: 'postgres', message }
    : { code, refusedBy: 'gateway', message };
}

function resultsOf(answer: unknown): Result[] {
  const several = field(answer, 'results');
  if (Array.isArray(several)) return several.flatMap(resultsOf);
  const count = field(answer, 'row_count');
  if (typeof count !== 'number') return [];
  const rows: unknown = field(answer, 'rows');
  return [
    {
      rows: Array.isArray(rows) ? rows.map((row: unknown) => (Array.isArray(row) ? [...(row as unknown[])] : [row])) : [],
      affected: count,
    },
  ];
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
