import { spawn } from 'node:child_process';
import { LauncherError } from './errors.ts';
import { dataDirOf, ROOT } from './options.ts';
import { loadSecrets } from './secrets.ts';
import { serviceEnvironment, SERVICES } from './services.ts';
import { readStack } from './stack-file.ts';
import { createTerminal } from './terminal.ts';

/** Re-creates the registry's read model from the streams of the running stack, with the registry's own configuration. */
async function main(): Promise<number> {
  const stack = readStack(dataDirOf(undefined, process.env));
  const registry = SERVICES.find((service) => service.name === 'registry');
  if (registry === undefined || stack.jwt === undefined) {
    throw new LauncherError(
      'not_running',
      'The running stack has no registry (it was started with --only or --backends-only): start it with `npm start`.',
    );
  }
  const context = { stack, secrets: await loadSecrets(stack.data_dir, process.env), port: 0, jwksUrl: stack.jwt.jwks_url };
  const env = serviceEnvironment(registry, context, process.env);
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['apps/registry/src/rebuild.ts', ...process.argv.slice(2)], {
      cwd: ROOT,
      stdio: 'inherit',
      env,
    });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    createTerminal().fail(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  },
);
