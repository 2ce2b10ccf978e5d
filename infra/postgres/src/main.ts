import { ADMIN_DATABASE, type Finding, superuserConnect, verifyServer, withConnection } from '@ultracore/tenant-database';
import { type BootstrapConfig, HELP, readConfig } from './config.ts';
import { bootstrapControlPlane, bootstrapTenantServer, verifyControlPlane } from './index.ts';

const FOUND = 1;
const FAILED = 2;

async function main(): Promise<number> {
  const config = readConfig(process.argv.slice(2), process.env);
  if (config === undefined) {
    console.log(HELP);
    return 0;
  }
  const findings = config.verifyOnly ? await verify(config) : await bootstrap(config);
  if (findings.length === 0) {
    console.log('The server is fit for tenants.');
    return 0;
  }
  console.log('The server is not fit for tenants:');
  for (const { code, detail } of findings) console.log(`  - ${detail} (${code})`);
  return FOUND;
}

async function verify({ url, controlPlane }: BootstrapConfig): Promise<Finding[]> {
  const connect = superuserConnect(url);
  const findings = await verifyServer(connect);
  return controlPlane ? [...findings, ...(await withConnection(connect, ADMIN_DATABASE, verifyControlPlane))] : findings;
}

async function bootstrap(config: BootstrapConfig): Promise<Finding[]> {
  const results = [await bootstrapTenantServer(config.url, { adminPassword: config.adminPassword })];
  if (config.controlPlane) {
    const passwords = { ultracore_registry: config.registryPassword, ultracore_worker: config.workerPassword };
    results.push(await bootstrapControlPlane(config.url, passwords));
  }
  for (const { done } of results) for (const sentence of done) console.log(`  ${sentence}`);
  return results.flatMap(({ findings }) => findings);
}

function explain(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ECONNREFUSED' || code === 'ENOTFOUND' || code === 'ETIMEDOUT') {
    return `No Postgres answers there (${code}): check host and port of --url, and that the server runs.`;
  }
  if (code === '28P01' || code === '28000') return `The server refused the login of --url: ${error.message}.`;
  return error.message;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(explain(error));
  process.exitCode = FAILED;
}
