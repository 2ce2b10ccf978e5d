import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { loadConfig } from '../src/index.ts';

const schema = z.object({ MASTER: z.string(), POSTGRES_SERVERS_FILE: z.string().optional() });
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'ultracore-config-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('loadConfig', () => {
  it('reads a secret from the file that NAME_FILE names, without its final line break', async () => {
    const file = join(directory, 'master');
    await writeFile(file, ' with spaces \n');
    expect(loadConfig(schema, { MASTER_FILE: file })).toEqual({ MASTER: ' with spaces ' });
  });

  it('says which file cannot be read, once', () => {
    const load = () => loadConfig(schema, { MASTER_FILE: join(directory, 'absent') });
    expect(load).toThrow('The configuration is not valid:\n  - MASTER: the file named by MASTER_FILE cannot be read (ENOENT)');
  });

  it('leaves a variable alone whose own name ends in _FILE', () => {
    const loaded = loadConfig(schema, { MASTER: 'm', POSTGRES_SERVERS_FILE: '/etc/servers.json' });
    expect(loaded.POSTGRES_SERVERS_FILE).toBe('/etc/servers.json');
  });
});
