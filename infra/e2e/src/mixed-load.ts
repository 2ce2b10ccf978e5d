import { Agent, type ClientRequest, request as httpRequest } from 'node:http';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Seeded } from './seed.ts';

export interface LoadTenant {
  readonly id: string;
  readonly token: string;
}

export interface MixedLoad {
  readonly url: string;
  readonly tenants: readonly LoadTenant[];
  readonly queries: number;
  readonly clients: number;
  /** Of a thousand callers, how many go away before they have their answer. */
  readonly abortsPerMille: number;
  readonly chance: Seeded;
}

export interface LoadResult {
  readonly sent: number;
  readonly answered: number;
  readonly aborted: number;
  /** Rows that came back, each checked. */
  readonly rows: number;
  /** How many answers were not 200, by status and code. */
  readonly refused: Readonly<Record<string, number>>;
  /** Answers with a row of another tenant, or of another request: what was asked, and what came. */
  readonly foreign: readonly string[];
  /** Who sent the request of that name. */
  senderOf(request: string): string | undefined;
}

interface Question {
  readonly path: '/v1/query' | '/v1/transaction';
  readonly body: object;
  readonly accept?: string;
  /** A statement that must fail; its error names the request. */
  readonly fails?: true;
}

const MAX_PAUSE_MS = 12;

/**
 * Sends statements of many tenants at once, all sorts in a random order over the same few connections, while some callers go away
 * at a random moment. Every row that comes back carries the tenant it belongs to and the request it answers; both are checked.
 */
export async function runMixedLoad(load: MixedLoad): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: load.clients });
  const state = { sent: 0, answered: 0, aborted: 0, rows: 0 };
  const refused: Record<string, number> = {};
  const foreign: string[] = [];
  const senders: string[] = [];
  const client = async (): Promise<void> => {
    while (state.sent < load.queries && foreign.length < 20) {
      const number = (state.sent += 1);
      const tenant = load.tenants[load.chance.below(load.tenants.length)];
      if (tenant === undefined) return;
      senders[number] = tenant.id;
      const question = QUESTIONS[load.chance.below(QUESTIONS.length)]?.(`n${number}`) ?? pointSelect(`n${number}`);
      const leaves = load.chance.below(1000) < load.abortsPerMille;
      const answer = await ask(load.url, agent, tenant, question, leaves ? load.chance.below(MAX_PAUSE_MS) : undefined);
      if (answer === undefined) {
        state.aborted += 1;
        continue;
      }
      state.answered += 1;
      const found = judge(answer, tenant.id, `n${number}`, question);
      state.rows += found.rows;
      if (found.code !== undefined) refused[found.code] = (refused[found.code] ?? 0) + 1;
      if (found.fault !== undefined) foreign.push(`${tenant.id}, ${JSON.stringify(question.body)}: ${found.fault}`);
    }
  };
  await Promise.all(Array.from({ length: load.clients }, client));
  agent.destroy();
  return { ...state, refused, foreign, senderOf: (request) => senders[Number(request.slice(1))] };
}

/** Every row of every answer begins with whose it is and which request asked for it. */
const WHO = 'ultracore.current_tenant_id() as tenant, $1::text as request';
const query = (sql: string, request: string, more: object = {}): Question => ({
  path: '/v1/query',
  body: { sql, params: [request], row_mode: 'array', ...more },
});

const pointSelect = (request: string): Question =>
  query(`select tenant_id, $1::text, given_name from clients where family_name = 'Load' limit 1`, request);

const QUESTIONS: readonly ((request: string) => Question)[] = [
  pointSelect,
  pointSelect,
  pointSelect,
  (request) => query(`select tenant_id, $1::text, id from clients order by id limit 20`, request),
  (request) => query(`select ${WHO}, session_user`, request),
  (request) => query(`select ${WHO}, session_user`, request, { readonly: true }),
  (request) => query(`select replace(replace(session_user, 'uc_', ''), '_', '-'), $1::text`, request),
  (request) =>
    query(
      `insert into clients (kind, family_name, external_reference) values ('person', 'Written', $1) returning tenant_id, $1::text`,
      request,
    ),
  (request) => query(`update clients set given_name = $1 where family_name = 'Load' returning tenant_id, $1::text`, request),
  (request) => query(`select ${WHO}, pg_sleep(0.004)`, request),
  (request) => query(`select ${WHO} from generate_series(1, 200)`, request),
  (request) => ({
    ...query(`select ${WHO}, repeat('x', 200) from generate_series(1, 400)`, request),
    accept: 'application/x-ndjson',
  }),
  (request) => ({ ...query(`select ${WHO}, ($1::text || 'x')::int`, request), fails: true }),
  (request) => ({
    path: '/v1/transaction',
    body: {
      row_mode: 'array',
      statements: [
        {
          sql: `insert into clients (kind, family_name, external_reference) values ('person', 'Written', $1) returning tenant_id, $1::text`,
          params: [request],
        },
        { sql: `set local app.request = 'x'` },
        { sql: `select ${WHO}, count(*) from clients where external_reference = $1`, params: [request] },
      ],
    },
  }),
];

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Undefined when the caller went away. */
async function ask(
  url: string,
  agent: Agent,
  tenant: LoadTenant,
  question: Question,
  leaveAfterMs: number | undefined,
): Promise<Answer | undefined> {
  const body = JSON.stringify(question.body);
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const request: ClientRequest = httpRequest(
    new URL(question.path, url),
    {
      agent,
      method: 'POST',
      headers: {
        authorization: `Bearer ${tenant.token}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        accept: question.accept ?? 'application/json',
      },
    },
    (response) => {
      readText(response).then((text) => resolve({ status: response.statusCode ?? 0, text }), reject);
    },
  );
  request.on('error', reject);
  request.end(body);
  if (leaveAfterMs === undefined) return promise;
  promise.catch(() => {});
  await sleep(leaveAfterMs);
  request.destroy();
  return undefined;
}

interface Judged {
  readonly rows: number;
  readonly code?: string;
  readonly fault?: string;
}

function judge({ status, text }: Answer, tenantId: string, request: string, question: Question): Judged {
  if (status !== 200) {
    const problem = JSON.parse(text) as { code: string; sqlstate?: string };
    const code = `${status} ${problem.sqlstate ?? problem.code}`;
    if (question.fails === true && !text.includes(`${request}x`))
      return { rows: 0, code, fault: `the error of another: ${text}` };
    return { rows: 0, code };
  }
  if (question.fails === true) return { rows: 0, fault: `an answer where there is none: ${text.slice(0, 300)}` };
  const rows = rowsIn(text);
  const wrong = rows.find(([tenant, asked]) => tenant !== tenantId || asked !== request);
  return { rows: rows.length, ...(wrong === undefined ? {} : { fault: `the row ${JSON.stringify(wrong)}` }) };
}

function rowsIn(text: string): unknown[][] {
  const answers = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown[] | { rows?: unknown[][]; results?: { rows: unknown[][] }[] });
  return answers.flatMap((answer) => {
    if (Array.isArray(answer)) return [answer];
    return [...(answer.rows ?? []), ...(answer.results ?? []).flatMap((result) => result.rows)];
  });
}

/** Rows that the load wrote into one tenant's tables for a request of somebody else. */
export async function misplacedRows(url: string, tenant: LoadTenant, load: LoadResult): Promise<string[]> {
  const body = { sql: `select tenant_id, external_reference from clients where family_name = 'Written'`, row_mode: 'array' };
  const question: Question = { path: '/v1/query', body, accept: 'application/x-ndjson' };
  const agent = new Agent();
  const answer = await ask(url, agent, tenant, question, undefined);
  agent.destroy();
  if (answer?.status !== 200) throw new Error(`The rows of ${tenant.id} cannot be read: ${answer?.text ?? ''}`);
  return rowsIn(answer.text)
    .filter(([owner, request]) => owner !== tenant.id || load.senderOf(String(request)) !== tenant.id)
    .map((row) => `${JSON.stringify(row)} at ${tenant.id}`);
}
