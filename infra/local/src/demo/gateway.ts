import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { LauncherError } from '../errors.ts';
import { issueTenantToken } from '../identity.ts';
import { loadSecrets } from '../secrets.ts';
import type { Stack } from '../stack-file.ts';

export interface Asked {
  /** What the firm was answered, with its own token. */
  clients: number;
  milliseconds: number;
  /** How the gateway answers the same token when the request names another firm. */
  refusal: string | undefined;
}

const rowsSchema = z.object({ rows: z.array(z.object({ clients: z.number() })).min(1) });
const problemSchema = z.object({ code: z.string(), detail: z.string() });

/** The gateway hears of a new tenant by Kafka, a moment after it is active. */
const KNOWN_WITHIN_MS = 10_000;

/** Asks the gateway as a product team does: by HTTP, with a token and without a password. Also for another firm, which must be refused. */
export async function askGateway(stack: Stack, tenantId: string, otherId: string): Promise<Asked> {
  const token = await issueTenantToken(await loadSecrets(stack.data_dir), { tenantId });
  const ask = async (headers: Record<string, string> = {}) => {
    const began = performance.now();
    const response = await fetch(`${stack.edge_url}/v1/query`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ sql: 'select count(*)::int as clients from clients where status <> $1', params: ['none'] }),
      signal: AbortSignal.timeout(30_000),
    });
    const body: unknown = await response.json();
    return { status: response.status, body, milliseconds: performance.now() - began };
  };
  const deadline = Date.now() + KNOWN_WITHIN_MS;
  let answer = await ask();
  while (answer.status !== 200 && Date.now() < deadline) {
    await sleep(50);
    answer = await ask();
  }
  if (answer.status !== 200) {
    const problem = problemSchema.safeParse(answer.body);
    throw new LauncherError('service_failed', `The gateway did not serve ${tenantId}: ${problem.data?.detail ?? answer.status}`);
  }
  const [row] = rowsSchema.parse(answer.body).rows;
  const other = await ask({ 'x-ultracore-tenant-id': otherId });
  const refusal = other.status === 403 ? `403 ${problemSchema.parse(other.body).code}` : undefined;
  return { clients: row?.clients ?? -1, milliseconds: answer.milliseconds, refusal };
}
