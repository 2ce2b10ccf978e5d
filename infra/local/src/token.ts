import { parseArgs } from 'node:util';
import { checkTenantId } from '@ultracore/contracts';
import { LauncherError } from './errors.ts';
import { issueTenantToken } from './identity.ts';
import { dataDirOf } from './options.ts';
import { loadSecrets } from './secrets.ts';
import { readStack } from './stack-file.ts';
import { createTerminal } from './terminal.ts';

const USAGE = `npm run --silent token -- <id> [--readonly] [--subject <user>]   print a token for the SQL of a tenant`;

/** Signs with the stack's own key, which only the person who runs it can read. The tenant need not exist (yet). */
async function main(): Promise<void> {
  const { values, positionals } = parseCommandLine(process.argv.slice(2));
  const [tenantId] = positionals;
  if (tenantId === undefined || positionals.length > 1)
    throw new LauncherError('bad_option', `One tenant id is needed.\n${USAGE}`);
  const checked = checkTenantId(tenantId);
  if (!checked.ok) throw new LauncherError('bad_option', `${checked.detail}.\n${USAGE}`);
  const stack = readStack(dataDirOf(values['data-dir'], process.env));
  const secrets = await loadSecrets(stack.data_dir);
  process.stdout.write(`${await issueTenantToken(secrets, { tenantId, readonly: values.readonly, subject: values.subject })}\n`);
}

function parseCommandLine(args: string[]) {
  try {
    return parseArgs({
      args,
      allowPositionals: true,
      options: { readonly: { type: 'boolean', default: false }, subject: { type: 'string' }, 'data-dir': { type: 'string' } },
    });
  } catch (error) {
    throw new LauncherError('bad_option', `${error instanceof Error ? error.message : String(error)}\n${USAGE}`);
  }
}

main().catch((error: unknown) => {
  createTerminal().fail(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
