import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { issueTenantToken, LauncherError, loadSecrets, readStack, ROOT, type Stack } from '@ultracore/local';
import { localEnvironment } from './environment.ts';
import { startIdentityProvider } from './identity-provider.ts';

const USAGE = `npm run example -- [--data-dir <dir>] [--port <n>]   runs the example beside the local stack`;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The parts that a stack has only when all of it runs. */
const needed = (stack: Stack) => {
  const { edge_url: edgeUrl, jwt } = stack;
  if (edgeUrl === undefined || jwt === undefined) {
    throw new LauncherError('not_running', 'The stack runs without its services: start all of it with `npm start`.');
  }
  return { gatewayUrl: edgeUrl, jwt: { issuer: jwt.issuer, audience: jwt.audience, jwksUrl: jwt.jwks_url } };
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      'data-dir': { type: 'string', default: `${ROOT}/.local` },
      port: { type: 'string', default: '18200' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return say(USAGE);
  const stack = readStack(values['data-dir']);
  const { gatewayUrl, jwt } = needed(stack);
  const secrets = await loadSecrets(stack.data_dir);
  const identity = await startIdentityProvider((tenantId, subject) => issueTenantToken(secrets, { tenantId, subject }));
  const env = localEnvironment({ stack, identity, gatewayUrl, jwt, port: Number(values.port) });
  const service = spawn(process.execPath, ['src/main.ts'], { cwd: `${ROOT}/examples/portfolios`, env, stdio: 'inherit' });
  // Ctrl-C reaches the service too, by itself; a second one would end it at once.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => service.kill('SIGTERM'));
  say('\n  Ask it for the portfolios of a tenant that is active:');
  say(`    curl -s http://127.0.0.1:${values.port}/v1/portfolios -H "authorization: Bearer $(npm run --silent token -- acme)"\n`);
  await once(service, 'exit');
  process.exitCode = service.exitCode ?? 0;
  await identity.close();
};

try {
  await main();
} catch (error) {
  if (!(error instanceof LauncherError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
