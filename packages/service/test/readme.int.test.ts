import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { describe, expect, it } from 'vitest';
import { problemSchema } from '../src/index.ts';

async function snippet(language: string): Promise<string> {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  return new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(readme)?.[1] ?? '';
}

const env = {
  HTTP_PORT: '0',
  KAFKA_BROKERS: '127.0.0.1:1',
  SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1',
  DATABASE_URL: 'postgres://127.0.0.1:1/x',
  JWT_ISSUER: 'i',
  JWT_AUDIENCE: 'a',
  JWKS_URL: 'http://127.0.0.1:1',
};

describe('README', () => {
  it('shows a service that starts, answers and stops', async () => {
    const directory = new URL('../.local/', import.meta.url);
    const file = new URL('readme-snippet.ts', directory);
    await mkdir(directory, { recursive: true });
    await writeFile(
      file,
      `import { z } from 'zod';
       import { createAuthenticator, createHttpServer, createLogger, loadConfig, runMain, runService, serviceVariables, variable } from '../src/index.ts';
       ${await snippet('ts')}`,
    );
    const child = spawn(process.execPath, [file.pathname], { env, stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      let url = '';
      for await (const line of createInterface(child.stdout)) {
        url = /Server listening at (\S+?)"/.exec(line)?.[1] ?? url;
        if (line.includes('registry is up')) break;
      }
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      expect((await fetch(`${url}/v1/hello`)).status).toBe(401);
      child.kill('SIGTERM');
      expect(await once(child, 'close')).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
      await rm(file);
    }
  });

  it('shows an error as it is sent', async () => {
    expect(problemSchema.strict().safeParse(JSON.parse(await snippet('json')))).toMatchObject({ success: true });
  });
});
