import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

test('the example of the README runs as it stands', async () => {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  const [, example = ''] = /```ts\n([^]*?)```/.exec(readme) ?? [];
  const [, imports = '', body = ''] = /^(import .*;\n)([^]*)$/.exec(example) ?? [];
  const folder = mkdtempSync(join(import.meta.dirname, '.readme-'));
  try {
    const file = join(folder, 'example.ts');
    const ours = imports.replace('@ultracore/testkit', '../../src/index.ts');
    writeFileSync(file, `${ours}export async function run() {${body} return { database, server }; }`);
    const { run } = await import(file);
    const { database, server } = await run();
    expect(database.url).toContain(database.name);
    expect(server.isAlive()).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
