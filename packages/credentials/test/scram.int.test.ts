import { type PrivatePostgres, startPrivatePostgres } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { generatePassword, scramVerifier } from '../src/index.ts';

let server: PrivatePostgres;
beforeAll(async () => {
  server = await startPrivatePostgres();
});
afterAll(() => server.stop());

async function query(url: string, statement: string): Promise<unknown> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<{ value: unknown }>(statement)).rows[0]?.value;
  } finally {
    await client.end();
  }
}

const urlOf = (user: string, password: string): string => {
  const url = new URL(server.url());
  [url.username, url.password] = [user, encodeURIComponent(password)];
  return url.href;
};

describe('scramVerifier on a real server', () => {
  it.each([generatePassword(), 'with spaces and "quotes"', `~!@#$%^&*()_+{}|:<>?'`])(
    'lets exactly the password %j in',
    async (password) => {
      const verifier = scramVerifier(password);
      await query(server.url(), `drop role if exists probe`);
      await query(server.url(), `create role probe login password '${verifier.replaceAll("'", "''")}'`);
      expect(await query(server.url(), `select rolpassword as value from pg_authid where rolname = 'probe'`)).toBe(verifier);
      expect(await query(urlOf('probe', password), 'select session_user as value')).toBe('probe');
      await expect(query(urlOf('probe', `${password}x`), 'select 1')).rejects.toMatchObject({ code: '28P01' });
      await expect(query(urlOf('probe', verifier), 'select 1')).rejects.toMatchObject({ code: '28P01' });
    },
  );
});
