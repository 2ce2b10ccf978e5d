import { parseArgs } from 'node:util';
import { type Environment, loadConfig } from '@ultracore/service';
import { z } from 'zod';

export const HELP = `Makes a Postgres server fit for tenants; once, by a superuser, and again after an upgrade. It may be repeated.

  npm run bootstrap -- --url postgres://superuser:…@host:5432 [--control-plane] [--verify]

  --url <url>                      a superuser's URL (or POSTGRES_SUPERUSER_URL, so that no password is on the command line)
  --admin-password-file <file>     password of ultracore_admin, the worker's login (or POSTGRES_ADMIN_PASSWORD[_FILE])
  --control-plane                  also make the databases and logins of the control plane's services on this server:
  --registry-password-file <file>    ultracore_registry (or ULTRACORE_REGISTRY_PASSWORD[_FILE])
  --worker-password-file <file>      ultracore_worker (or ULTRACORE_WORKER_PASSWORD[_FILE])
  --verify                         change nothing; only read back whether the server is fit
  --help

A password left out keeps the one the login has. Exit status: 0 fit, 1 something was found, 2 it could not be done.
`;

const schema = z.object({
  POSTGRES_SUPERUSER_URL: z.url({
    protocol: /^postgres(ql)?$/,
    error: 'must be a URL like postgres://user:password@host:5432 (or give --url)',
  }),
  POSTGRES_ADMIN_PASSWORD: z.string().optional(),
  ULTRACORE_REGISTRY_PASSWORD: z.string().optional(),
  ULTRACORE_WORKER_PASSWORD: z.string().optional(),
});

export interface BootstrapConfig {
  readonly url: string;
  readonly controlPlane: boolean;
  readonly verifyOnly: boolean;
  readonly adminPassword: string | undefined;
  readonly registryPassword: string | undefined;
  readonly workerPassword: string | undefined;
}

/**
 * The command line over the environment; undefined when help was asked for.
 * @throws ServiceError `config_invalid` with everything that is wrong; a TypeError for an unknown option.
 */
export function readConfig(args: readonly string[], env: Environment): BootstrapConfig | undefined {
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: { type: 'string' },
      'admin-password-file': { type: 'string' },
      'registry-password-file': { type: 'string' },
      'worker-password-file': { type: 'string' },
      'control-plane': { type: 'boolean', default: false },
      verify: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const config = loadConfig(schema, {
    ...env,
    ...(values.url === undefined ? {} : { POSTGRES_SUPERUSER_URL: values.url }),
    ...fileOption('POSTGRES_ADMIN_PASSWORD', values['admin-password-file']),
    ...fileOption('ULTRACORE_REGISTRY_PASSWORD', values['registry-password-file']),
    ...fileOption('ULTRACORE_WORKER_PASSWORD', values['worker-password-file']),
  });
  return {
    url: config.POSTGRES_SUPERUSER_URL,
    controlPlane: values['control-plane'],
    verifyOnly: values.verify,
    adminPassword: config.POSTGRES_ADMIN_PASSWORD,
    registryPassword: config.ULTRACORE_REGISTRY_PASSWORD,
    workerPassword: config.ULTRACORE_WORKER_PASSWORD,
  };
}

function fileOption(variable: string, file: string | undefined): Environment {
  return file === undefined ? {} : { [variable]: undefined, [`${variable}_FILE`]: file };
}
