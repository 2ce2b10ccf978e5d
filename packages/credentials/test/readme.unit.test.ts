import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));

describe('the snippet of the README', () => {
  it('runs as it stands and seals what opens again', () => {
    const [, snippet] = /```ts\n([\s\S]*?)```/.exec(readFileSync(`${PACKAGE}/README.md`, 'utf8')) ?? [];
    const output = execFileSync(
      process.execPath,
      ['--input-type=module-typescript', '-e', snippet ?? 'throw new Error("no snippet")'],
      {
        cwd: PACKAGE,
        encoding: 'utf8',
      },
    );
    expect(output).toBe('true SCRAM-SHA-256\n');
  });
});
