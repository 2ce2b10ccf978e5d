import { isAbsolute, relative } from 'node:path';
import type { Stack } from './stack-file.ts';
import { stackFile } from './stack-file.ts';
import { colours, duration } from './terminal.ts';

/** What a person needs to use the stack, as lines for the terminal. `memory` in bytes, 0 = unknown. */
export function summary(stack: Stack, memory: number, root: string): string[] {
  const entries: [string, string | undefined][] = [
    ['API', stack.tokens && `${stack.edge_url}/v1/tenants`],
    ['Status page', stack.edge_url && `${stack.edge_url}/`],
    ['Operator token', stack.tokens?.operator],
    ['Postgres', stack.postgres && `psql "${postgresUrl(stack.postgres)}"`],
    ['Kafka', stack.kafka_brokers?.join(',')],
    ['Schema registry', stack.schema_registry_url],
    ['Event store', stack.eventstoredb_url],
    ['All of this', shown(stackFile(stack.data_dir), root)],
    ['Logs', `${shown(stack.data_dir, root)}/logs`],
  ];
  const used = memory === 0 ? '' : ` with ${(memory / 1024 ** 3).toFixed(2)} GiB of memory`;
  const lines = entries.filter((entry): entry is [string, string] => entry[1] !== undefined);
  return [
    '',
    `  ${colours.bold(`UltraCore is ready after ${duration(stack.ready_ms)}${used}.`)}`,
    '',
    ...lines.map(([name, value]) => `  ${colours.dim(name.padEnd(17))}${value}`),
    ...(stack.tokens === undefined ? [] : ['', ...firstRequest(stack, root)]),
    '',
  ];
}

function firstRequest(stack: Stack, root: string): string[] {
  const file = shown(stackFile(stack.data_dir), root);
  const module = isAbsolute(file) ? file : `./${file}`;
  const dataDir = file === '.local/stack.json' ? '' : ` --data-dir ${stack.data_dir}`;
  return [
    `  ${colours.dim('Create a tenant, and act as it:')}`,
    `    TOKEN=$(node -p 'require("${module}").tokens.operator')`,
    `    curl -s ${stack.edge_url}/v1/tenants -H "authorization: Bearer $TOKEN" -H 'content-type: application/json' \\`,
    `      -d '{"tenant_id":"acme","tenant_name":"Acme","tier":"small","owner_email":"owner@acme.example"}'`,
    `    npm run as-tenant -- acme${dataDir} -c 'select ultracore.current_tenant_id()'`,
  ];
}

export function postgresUrl(login: NonNullable<Stack['postgres']>, database = 'postgres'): string {
  return `postgres://${encodeURIComponent(login.user)}:${encodeURIComponent(login.password)}@${login.host}:${login.port}/${database}`;
}

/** Relative where that is shorter to read: inside the checkout. */
function shown(path: string, root: string): string {
  const inside = relative(root, path);
  return inside.startsWith('..') ? path : inside;
}
