import type { Platform, RunningService } from './platform.ts';
import type { Answer } from './api.ts';

export interface Ask {
  readonly token?: string;
  readonly tenant?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A gateway as one tenant's product team sees it. */
export interface TenantGateway {
  query(sql: string, params?: readonly unknown[], more?: Readonly<Record<string, unknown>>): Promise<Answer>;
  transaction(
    statements: readonly { sql: string; params?: readonly unknown[] }[],
    more?: Readonly<Record<string, unknown>>,
  ): Promise<Answer>;
  /** One value of the first row; throws what else came. */
  value(sql: string, params?: readonly unknown[]): Promise<unknown>;
  /** The answer with its body unread. */
  open(sql: string, more?: Readonly<Record<string, unknown>>, signal?: AbortSignal): Promise<Response>;
  /** Lines of a streamed answer. */
  stream(sql: string, more?: Readonly<Record<string, unknown>>): Promise<Record<string, unknown>[]>;
}

export async function post(url: string, path: string, token: string, body: unknown, ask: Ask = {}): Promise<Response> {
  return fetch(new URL(path, url), {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      ...(ask.tenant === undefined ? {} : { 'x-ultracore-tenant-id': ask.tenant }),
      ...ask.headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(ask.signal === undefined ? {} : { signal: ask.signal }),
  });
}

export async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  let body: Record<string, unknown> = {};
  try {
    body = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Its text says what it is.
  }
  return { status: response.status, headers: response.headers, body, text };
}

/** Speaks to a gateway with a token of the tenant. */
export async function gatewayOf(
  platform: Platform,
  gateway: Pick<RunningService, 'url'>,
  tenantId: string,
  options: { readonly?: boolean; subject?: string } = {},
): Promise<TenantGateway> {
  const token = await platform.tenantToken({ tenantId, ...options });
  const query: TenantGateway['query'] = async (sql, params, more) =>
    read(await post(gateway.url, '/v1/query', token, { sql, ...(params === undefined ? {} : { params }), ...more }));
  const open: TenantGateway['open'] = (sql, more, signal) =>
    post(
      gateway.url,
      '/v1/query',
      token,
      { sql, ...more },
      { headers: { accept: 'application/x-ndjson' }, ...(signal && { signal }) },
    );
  return {
    query,
    open,
    transaction: async (statements, more) => read(await post(gateway.url, '/v1/transaction', token, { statements, ...more })),
    async value(sql, params) {
      const { status, body, text } = await query(sql, params, { row_mode: 'array' });
      if (status !== 200) throw new Error(`${status} ${text}`);
      return (body['rows'] as unknown[][])[0]?.[0];
    },
    async stream(sql, more) {
      const response = await open(sql, more);
      const text = await response.text();
      if (response.status !== 200) throw new Error(`${response.status} ${text}`);
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    },
  };
}
