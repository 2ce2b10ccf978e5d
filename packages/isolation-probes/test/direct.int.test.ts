import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { TIERS } from '@ultracore/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { faultLines, runProbes } from '../src/index.ts';
import { type Bench, startBench } from './homes.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await startBench();
});
afterAll(() => bench.stop());

describe('a tenant whose password leaked', () => {
  it.each(TIERS)(
    'of tier %s reads, changes and leaves nothing of its neighbours',
    async (tier) => {
      const report = await runProbes({ attacker: bench.attackers[tier], victims: bench.victims });
      expect(faultLines(report)).toEqual([]);
      expect(report.skipped).toEqual([]);
      expect(new Set(report.results.map(({ probe }) => probe)).size).toBeGreaterThanOrEqual(120);
    },
    300_000,
  );
});

describe('the snippet of the README', () => {
  it('finds nothing between two tenants, as it stands', async () => {
    const folder = fileURLToPath(new URL('..', import.meta.url));
    const [, snippet = ''] = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${folder}/README.md`, 'utf8')) ?? [];
    expect(snippet).toContain('runProbes');
    const theirs = (await bench.newTenant('standard', 'standard-002')).passwords;
    const ours = (await bench.newTenant('standard', 'standard-003')).passwords;
    const context = `const { host, port, theirs, ours } = ${JSON.stringify({ ...bench.server, theirs, ours })};`;
    const more = 'console.log(report.results.length > 500, report.skipped.length > 0);';
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      // The whole corpus has been run above.
      ['--input-type=module-typescript', '-e', context + snippet.replace('{ attacker,', `{ attacker, forms: ['simple'],`) + more],
      { cwd: folder },
    );
    expect([stdout, stderr]).toEqual(['true true\n', '']);
  }, 300_000);
});
