import { type PrivatePostgres, startPrivatePostgres, testStack } from '@ultracore/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Backend, type BackendOptions, openBackend } from '../src/index.ts';
import { type Authority, type CertificateFiles, certificateFiles, createAuthority } from './wire-certificates.ts';
import { run } from './wire-outcome.ts';

let authority: Authority;
let files: CertificateFiles;
let server: PrivatePostgres;
let password: string;
beforeAll(async () => {
  files = certificateFiles();
  authority = await createAuthority('the authority of the test');
  files.write(await authority.issue({ names: ['localhost'], addresses: ['127.0.0.1'] }));
  server = await startPrivatePostgres([...files.settings, 'fsync=off']);
  ({ password } = new URL(server.url()));
}, 60_000);
afterAll(async () => {
  await server?.stop();
  files?.[Symbol.dispose]();
});

/** With the certificate of an authority that is believed; undefined for those that the runtime knows. */
const open = (host: string, ca: string | undefined, over: Partial<BackendOptions> = {}): Promise<Backend> =>
  openBackend({
    host,
    port: server.port,
    user: 'postgres',
    password,
    database: 'postgres',
    applicationName: 'wire tls test',
    settings: {},
    connectTimeoutMs: 20_000,
    tls: ca === undefined ? {} : { ca },
    ...over,
  });

const close = async (backend: Backend): Promise<void> => {
  backend.close();
  await backend.closed;
};

/** Another certificate of the server. */
async function restartWith(of: { names?: readonly string[]; addresses?: readonly string[] }): Promise<void> {
  await server.pause();
  files.write(await authority.issue(of));
  await server.resume();
}

const REFUSED = { code: 'connect_failed' };

describe('a Postgres server that has a certificate', () => {
  it.each(['localhost', '127.0.0.1'])(
    'is believed as %s, which its certificate names, and what is said is encrypted',
    async (host) => {
      const backend = await open(host, authority.certificate);
      const { rows } = await run(backend, 'select ssl, version from pg_stat_ssl where pid = pg_backend_pid()');
      expect(rows).toEqual([['t', expect.stringMatching(/^TLSv1\.[23]$/)]]);
      await close(backend);
    },
  );

  it('is refused when another authority is believed, or only those that the runtime knows', async () => {
    const another = await createAuthority('the authority of the test');
    for (const ca of [another.certificate, undefined]) {
      await expect(open('localhost', ca)).rejects.toMatchObject({ ...REFUSED, cause: expect.any(Error) });
    }
  });

  it('is refused as localhost when its certificate is for another name', async () => {
    await restartWith({ names: ['db.example'], addresses: ['127.0.0.1'] });
    await expect(open('localhost', authority.certificate)).rejects.toMatchObject({
      ...REFUSED,
      cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
    await close(await open('127.0.0.1', authority.certificate));
  });

  it('is refused by its address when its certificate is for a name alone, be it that of this host', async () => {
    await restartWith({ names: ['localhost'] });
    await expect(open('127.0.0.1', authority.certificate)).rejects.toMatchObject({
      ...REFUSED,
      cause: { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
    });
    await close(await open('localhost', authority.certificate));
  });
});

describe('a Postgres server without a certificate', () => {
  it('is refused where TLS is required, before it hears of the login', async () => {
    const { host, ...plain } = testStack().postgres;
    await expect(open(host, authority.certificate, plain)).rejects.toMatchObject({ code: 'tls_refused' });
    await close(await open(host, undefined, { ...plain, tls: undefined }));
  });
});
