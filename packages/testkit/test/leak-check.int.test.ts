import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { spawnProcess, testStack } from '../src/index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(import.meta.dirname, '.leaks-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Runs one test with this body in a run of its own. */
async function runTest(name: string, body: string): Promise<{ code: number | null; output: string }> {
  writeFileSync(
    join(folder, `${name}.test.ts`),
    `import { createServer, connect } from 'node:net';
     import { test } from 'vitest';
     import { freshDatabase, spawnProcess, testStack } from '../../src/index.ts';
     test('leaves something', async () => { ${body} });`,
  );
  const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs');
  const run = await spawnProcess(['node', vitest, 'run', '--root', folder, `${name}.test.ts`], {
    env: { ULTRACORE_TEST_STACK: testStack().file, NO_COLOR: '1' },
  });
  const { code } = await run.exited;
  return { code, output: run.output() };
}

describe.concurrent('a file fails that leaves open', () => {
  test.each([
    [
      'a process',
      `await spawnProcess(['node', '-e', 'setInterval(() => {}, 1000)']);`,
      /Left open at the end of the file: process node -e .+ \(pid \d+/,
    ],
    ['a timer', `setInterval(() => {}, 60_000);`, /Left open at the end of the file: 1 timer\./],
    ['a listener', `createServer().listen(0);`, /Left open at the end of the file: 1 listening server\./],
    [
      'a connection',
      `const { host, port } = testStack().postgres; await new Promise((up) => { const socket = connect({ host, port }, () => up(socket)); });`,
      /Left open at the end of the file: 1 connection\./,
    ],
  ])('%s', async (what, body, message) => {
    const { code, output } = await runTest(what.replace(' ', '-'), body);
    expect(output).toMatch(message);
    expect(code).toBe(1);
  });
});

test('a file that closes what it opened passes', async () => {
  const { code } = await runTest(
    'tidy',
    `await using database = await freshDatabase(testStack()); clearInterval(setInterval(() => {}, 1000));`,
  );
  expect(code).toBe(0);
});

test('the database of a failed test is kept, and named', async () => {
  const { code, output } = await runTest(
    'failing',
    `await using database = await freshDatabase(testStack()); throw new Error('as meant');`,
  );
  expect(code).toBe(1);
  const [, name] = /kept database (\w+) of the failed test/.exec(output) ?? [];
  const client = new Client({ connectionString: testStack().postgresUrl() });
  await client.connect();
  try {
    expect((await client.query('select from pg_database where datname = $1', [name])).rowCount).toBe(1);
    await client.query(`drop database ${name}`);
  } finally {
    await client.end();
  }
});
