import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { testStack } from '@ultracore/testkit';
import { describe, expect, it } from 'vitest';
import { foundTown } from './tenants.ts';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

describe('the snippet of the README', () => {
  it('reads, writes and ends, as it stands', async () => {
    await using town = await foundTown(testStack(), 1);
    const [tenantId = ''] = town.ids;
    const [, snippet = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${PACKAGE}/README.md`, 'utf8')) ?? [];
    const { database, primary, readwrite, readonly } = town.registration(tenantId);
    const given = { tenantId, database, ...primary, role: readwrite.user, readonlyRole: readonly.user };
    const context = `const { ${Object.keys(given).join(', ')} } = ${JSON.stringify(given)}; const openPassword = async () => 'pw';`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module-typescript', '-e', context + snippet], {
      cwd: PACKAGE,
    });
    expect(stdout).toBe(`[ { name: '${tenantId}' } ] 1 2\n`);
  });
});
