import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { scramVerifier } from '@ultracore/credentials';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listHomes, SHARED_DATABASE, withConnection } from '../src/index.ts';
import { type Bench, LIMITS, startBench } from './homes.ts';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const MIGRATIONS = fileURLToPath(new URL('../../../infra/tenant-schema/migrations', import.meta.url));

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

describe('the snippet of the README', () => {
  it('makes a home and removes it, as it stands', async () => {
    const [, snippet = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${PACKAGE}/README.md`, 'utf8')) ?? [];
    expect(snippet).toContain('undoHome');
    const [user, password] = bench.adminLogin;
    const url = new URL(bench.server.url());
    [url.username, url.password] = [user, password];
    const given = {
      directory: MIGRATIONS,
      limits: LIMITS,
      verifiers: { readWrite: scramVerifier('a'), readOnly: scramVerifier('b') },
    };
    const context = `import { superuserConnect } from '@ultracore/tenant-database';
      const connect = superuserConnect(${JSON.stringify(url.href)}); const { directory, limits, verifiers } = ${JSON.stringify(given)};`;
    const report = `console.log(JSON.stringify((await undoHome(connect, home, { creationRecorded: true })).removed));`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module-typescript', '-e', context + snippet + report],
      {
        cwd: PACKAGE,
      },
    );
    expect(stdout).toBe('[]\n');
    expect(await withConnection(bench.admin, SHARED_DATABASE, listHomes)).toEqual([]);
  });
});
