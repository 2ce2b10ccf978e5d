import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { loadSecrets, type Secrets } from '../src/secrets.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'ultracore-secrets-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const masterOf = async (dir: string, keyId?: string, password?: string) => {
  const read: Secrets = await loadSecrets(dir, { ULTRACORE_MASTER_KEY_ID: keyId, ULTRACORE_MASTER_PASSWORD: password });
  const { master_key_id: id, master_password: value, previous_master: previous } = read;
  return { id, value, previous };
};
const dirOf = (): string => mkdtempSync(join(folder, 'data-'));

test('a new key id changes the master password and keeps the one before, for good; the first id changes it back', async () => {
  const dir = dirOf();
  const first = await masterOf(dir);
  expect(first).toMatchObject({ id: 'k1', previous: undefined });
  const second = await masterOf(dir, 'k2', 'chosen');
  expect(second).toEqual({ id: 'k2', value: 'chosen', previous: { key_id: 'k1', password: first.value } });
  expect(await masterOf(dir)).toEqual(second);
  const back = await masterOf(dir, 'k1');
  expect(back).toEqual({ id: 'k1', value: first.value, previous: { key_id: 'k2', password: 'chosen' } });
});

test('a third key id is refused while another than the present one is kept, and nothing is lost of either; without that one it is taken', async () => {
  const dir = dirOf();
  const first = await masterOf(dir);
  const second = await masterOf(dir, 'k2');
  await expect(masterOf(dir, 'k3')).rejects.toMatchObject({ code: 'master_key_in_use' });
  expect(await masterOf(dir)).toEqual({ ...second, previous: { key_id: 'k1', password: first.value } });
  const file = join(dir, 'secrets.json');
  const { previous_master: _, ...rest } = JSON.parse(readFileSync(file, 'utf8')) as Secrets;
  writeFileSync(file, JSON.stringify(rest));
  const third = await masterOf(dir, 'k3');
  expect(third).toMatchObject({ id: 'k3', previous: { key_id: 'k2', password: second.value } });
  expect(third.value).not.toBe(second.value);
});

test('another master password under the same key id is refused, and nothing is kept of it', async () => {
  const dir = dirOf();
  const { value } = await masterOf(dir, undefined, 'from the environment');
  expect(value).toBe('from the environment');
  await expect(masterOf(dir, undefined, 'another')).rejects.toMatchObject({ code: 'master_password_wrong' });
  expect(await masterOf(dir)).toMatchObject({ id: 'k1', value: 'from the environment' });
});
