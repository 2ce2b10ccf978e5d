import { createHmac, pbkdf2Sync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { freshDatabase, testStack, uniqueName, waitFor } from '@ultracore/testkit';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type BackendOptions, openBackend } from '../src/index.ts';
import { listen, type Listener, startWire } from './wire-network.ts';
import { run } from './wire-outcome.ts';
import { int32, server } from './wire-server-messages.ts';

const PASSWORD = 'a long enough password';
const superuser = (): BackendOptions => ({
  ...testStack().postgres,
  database: 'postgres',
  applicationName: 'wire test',
  settings: {},
  connectTimeoutMs: 10_000,
});

/** The options of a login and a database of its own, which the test's end removes. */
async function ownLogin(attributes = 'login'): Promise<BackendOptions> {
  const user = uniqueName('wire_login');
  const { name: database } = await freshDatabase(testStack());
  const admin = await openBackend(superuser());
  await admin.command(`create role ${user} password '${PASSWORD}' ${attributes}`);
  onTestFinished(async () => {
    await admin.command(`revoke connect on database ${database} from ${user}`);
    await admin.command(`drop role ${user}`);
    admin.close();
    await admin.closed;
  });
  await admin.command(`grant connect on database ${database} to ${user}`);
  return { ...superuser(), database, user, password: PASSWORD };
}

describe('a login to Postgres', () => {
  it('proves the password to the server and starts the session as asked', async () => {
    const login = await ownLogin();
    const backend = await openBackend({ ...login, settings: { statement_timeout: '12345', search_path: 'pg_catalog' } });
    expect(backend).toMatchObject({
      user: login.user,
      state: 'ready',
      transactionStatus: 'I',
      inFlight: 0,
      settingsAltered: false,
    });
    const { rows } = await run(
      backend,
      `select session_user, pg_backend_pid(), current_setting('application_name'), current_setting('statement_timeout'),
              current_setting('search_path'), current_setting('client_encoding'), current_setting('DateStyle'), current_setting('IntervalStyle'),
              current_setting('TimeZone'), current_setting('extra_float_digits')`,
    );
    expect(rows).toEqual([
      [login.user, String(backend.processId), 'wire test', '12345ms', 'pg_catalog', 'UTF8', 'ISO, YMD', 'iso_8601', 'UTC', '1'],
    ]);
    await backend.command('set statement_timeout = 0');
    await backend.command('discard all');
    expect((await run(backend, 'show statement_timeout')).rows).toEqual([['12345ms']]);
    backend.close();
    await expect(backend.closed).resolves.toBeUndefined();
  });

  it('fails with login_failed for a wrong password and for a login that does not exist', async () => {
    const login = await ownLogin();
    await expect(openBackend({ ...login, password: 'wrong' })).rejects.toMatchObject({ code: 'login_failed', sqlstate: '28P01' });
    await expect(openBackend({ ...login, user: 'nobody_at_all' })).rejects.toMatchObject({
      code: 'login_failed',
      sqlstate: '28P01',
    });
    const closed = await ownLogin('nologin');
    await expect(openBackend(closed)).rejects.toMatchObject({ code: 'login_failed', sqlstate: '28000' });
  });

  it('fails with the server’s reason when there is no such database, or no connection left', async () => {
    const login = await ownLogin('login connection limit 1');
    await expect(openBackend({ ...login, database: 'no such database' })).rejects.toMatchObject({
      code: 'connect_failed',
      sqlstate: '3D000',
    });
    const only = await openBackend(login);
    await expect(openBackend(login)).rejects.toMatchObject({ code: 'connect_failed', sqlstate: '53300' });
    only.close();
    await only.closed;
    // The server has freed the slot by the time that `closed` resolves.
    const next = await openBackend(login);
    next.close();
    await next.closed;
  });

  it('accepts a password of any characters', async () => {
    const password = 'pässwörd ½ "\\';
    const login = await ownLogin();
    const admin = await openBackend(superuser());
    await admin.command(`alter role ${login.user} password '${password}'`);
    const backend = await openBackend({ ...login, password });
    expect((await run(backend, 'select 1')).tag).toBe('SELECT 1');
    for (const open of [admin, backend]) open.close();
    await Promise.all([admin.closed, backend.closed]);
  });

  it('refuses a NUL in what it sends, which would smuggle in another parameter', async () => {
    const login = await ownLogin();
    await expect(openBackend({ ...login, database: 'postgres\0options\0-c role=postgres' })).rejects.toMatchObject({
      code: 'bad_statement',
    });
  });

  it('goes over a Unix socket where the host is a directory, without TLS', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'wire-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    await using _socket = await startWire(testStack().postgres, undefined, join(directory, '.s.PGSQL.6543'));
    const backend = await openBackend({ ...superuser(), host: directory, port: 6543, tls: {} });
    expect((await run(backend, 'select $1::text', ['x'.repeat(200_000)])).rows).toEqual([['x'.repeat(200_000)]]);
    await expect(backend.cancel()).resolves.toBeUndefined();
    backend.close();
    await expect(backend.closed).resolves.toBeUndefined();
  });

  it('fails with connect_failed when nobody listens', async () => {
    const gone = await listen(() => {});
    await gone[Symbol.asyncDispose]();
    await expect(openBackend({ ...superuser(), host: gone.host, port: gone.port })).rejects.toMatchObject({
      code: 'connect_failed',
    });
    await expect(openBackend({ ...superuser(), host: '/no/such/directory' })).rejects.toMatchObject({ code: 'connect_failed' });
  });
});

/** Options for a server that the test plays: `answers[n]` is what it sends after the client's n-th packet. */
async function played(...answers: ((request: Buffer) => Buffer)[]): Promise<{ options: BackendOptions; listener: Listener }> {
  const listener = await listen((socket) => {
    let turn = 0;
    socket.on('data', (request) => {
      const answer = answers[turn++];
      if (answer) socket.write(answer(request));
    });
  });
  onTestFinished(() => listener[Symbol.asyncDispose]());
  return { options: { ...superuser(), host: listener.host, port: listener.port, user: 'u', password: PASSWORD }, listener };
}

const SALT = Buffer.from('a salt of 16 byt');
/** A SCRAM server that knows this password; the proof that it gives is handed through `forge`. */
function scramServer(password: string, forge = (signature: Buffer): Buffer => signature): ((request: Buffer) => Buffer)[] {
  let clientFirst = '';
  let serverFirst = '';
  return [
    () => server.sasl('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256'),
    (request) => {
      clientFirst = /n=,r=.*$/.exec(request.toString('latin1'))?.[0] ?? '';
      serverFirst = `${clientFirst.slice(3)}more,s=${SALT.toString('base64')},i=4096`;
      return server.authentication(11, Buffer.from(serverFirst));
    },
    (request) => {
      const withoutProof = /c=biws,r=[^,]+/.exec(request.toString('latin1'))?.[0] ?? '';
      const serverKey = createHmac('sha256', pbkdf2Sync(password, SALT, 4096, 32, 'sha256'))
        .update('Server Key')
        .digest();
      const signature = createHmac('sha256', serverKey).update(`${clientFirst},${serverFirst},${withoutProof}`).digest();
      return Buffer.concat([
        server.authentication(12, Buffer.from(`v=${forge(signature).toString('base64')}`)),
        server.authentication(0),
        server.status('TimeZone', 'UTC'),
        server.key(4711, 815),
        server.ready(),
      ]);
    },
  ];
}

describe('a server that is not the one that knows the password', () => {
  it('is let through when it proves that it knows it', async () => {
    const { options } = await played(...scramServer(PASSWORD));
    const backend = await openBackend(options);
    expect(backend.processId).toBe(4711);
    backend.destroy();
    await backend.closed;
  });

  it.each([
    [
      'answers with a wrong signature',
      scramServer(PASSWORD, (signature) => Buffer.from(signature.map((byte) => byte ^ 1))),
      'protocol_violation',
    ],
    ['knows another password', scramServer('another password'), 'protocol_violation'],
    ['leaves its proof out', [...scramServer(PASSWORD).slice(0, 2), () => server.authentication(0)], 'protocol_violation'],
    ['proves itself before it was asked to', [() => server.authentication(12, Buffer.from('v=AAAA'))], 'auth_unsupported'],
    ['is ready before the login is done', [() => Buffer.concat([server.key(1, 2), server.ready()])], 'protocol_violation'],
    ['asks for no password', [() => server.authentication(0)], 'auth_unsupported'],
    ['asks for the password in clear', [() => server.authentication(3)], 'auth_unsupported'],
    ['asks for an MD5 hash', [() => server.authentication(5, Buffer.from('salt'))], 'auth_unsupported'],
    ['offers other mechanisms only', [() => server.sasl('PLAIN')], 'auth_unsupported'],
    ['sends what is no message', [() => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')], 'protocol_violation'],
    ['sends a message without end', [() => Buffer.concat([Buffer.from('R'), int32(0x7fffffff)])], 'protocol_violation'],
  ])('is refused when it %s', async (_what, answers, code) => {
    const { options, listener } = await played(...answers);
    await expect(openBackend(options)).rejects.toMatchObject({ code });
    await waitFor(() => listener.open() === 0, { what: 'the connection to be closed' });
  });

  it('never gets the password, nor a hash of it alone', async () => {
    const seen: Buffer[] = [];
    const { options } = await played((request) => {
      seen.push(request);
      return server.authentication(3);
    });
    await expect(openBackend(options)).rejects.toMatchObject({ code: 'auth_unsupported' });
    expect(Buffer.concat(seen).includes(PASSWORD)).toBe(false);
  });
});

describe('a server that does not let us in', () => {
  it('that never answers is given up at the deadline, and nothing is left open', async () => {
    for (const answers of [[], scramServer(PASSWORD).slice(0, 1), scramServer(PASSWORD).slice(0, 2)]) {
      const { options, listener } = await played(...answers);
      await expect(openBackend({ ...options, connectTimeoutMs: 100 })).rejects.toMatchObject({ code: 'connect_timeout' });
      await waitFor(() => listener.open() === 0, { what: 'the connection to be closed' });
    }
  });

  it('is given up when the caller does', async () => {
    const { options, listener } = await played();
    const giveUp = new AbortController();
    const opening = openBackend(options, giveUp.signal);
    await waitFor(() => listener.open() === 1, { what: 'the connection to be made' });
    giveUp.abort(new Error('changed my mind'));
    await expect(opening).rejects.toMatchObject({ code: 'connect_failed' });
    await expect(openBackend(options, giveUp.signal)).rejects.toMatchObject({ code: 'connect_failed' });
    await waitFor(() => listener.open() === 0, { what: 'the connection to be closed' });
  });

  it('that hangs up during the login is connect_failed', async () => {
    const listener = await listen((socket) => socket.on('data', () => socket.end()));
    onTestFinished(() => listener[Symbol.asyncDispose]());
    await expect(openBackend({ ...superuser(), host: listener.host, port: listener.port })).rejects.toMatchObject({
      code: 'connect_failed',
    });
  });
});

const KEY = Buffer.from('0123456789abcdef0123456789abcdef', 'hex');
const PSK = { ciphers: 'PSK-AES256-GCM-SHA384', minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;

/** Speaks TLS (with a key that both ends have, so that no certificate is needed) in front of the Postgres server. */
async function tlsInFront(afterAccept: Buffer = Buffer.alloc(0)): Promise<Listener> {
  const { host, port } = testStack().postgres;
  const inner = createTlsServer({ ...PSK, pskCallback: () => KEY }, (client) => {
    const upstream = connect(port, host);
    client.on('error', () => upstream.destroy()).on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
    client.pipe(upstream).pipe(client);
  });
  const listener = await listen((socket: Socket) => {
    socket.once('data', (request) => {
      expect(request.toString('hex')).toBe('0000000804d2162f');
      socket.pause();
      socket.write(Buffer.concat([Buffer.from('S'), afterAccept]));
      inner.emit('connection', socket);
    });
  });
  onTestFinished(() => listener[Symbol.asyncDispose]());
  return listener;
}

describe('TLS', () => {
  const tls = { ...PSK, pskCallback: () => ({ psk: KEY, identity: 'wire' }), checkServerIdentity: () => undefined };

  it('carries login, statements and cancels', async () => {
    const { host, port } = await tlsInFront();
    const backend = await openBackend({ ...superuser(), host, port, tls });
    const large = 'x'.repeat(300_000);
    expect((await run(backend, 'select $1::text', [large])).rows).toEqual([[large]]);
    const slow = run(backend, 'select pg_sleep(60)');
    await waitFor(() => backend.inFlight === 1, { what: 'the statement to be sent' });
    await waitFor(
      async () => {
        await backend.cancel();
        return backend.inFlight === 0;
      },
      { what: 'the statement to be cancelled' },
    );
    expect((await slow).error?.sqlstate).toBe('57014');
    backend.close();
    await backend.closed;
  });

  it('is insisted on: a server without it is refused before it hears of the login', async () => {
    await expect(openBackend({ ...superuser(), tls })).rejects.toMatchObject({ code: 'tls_refused' });
  });

  it('refuses bytes that somebody sent in clear behind the server’s yes', async () => {
    const { host, port } = await tlsInFront(server.authentication(0));
    await expect(openBackend({ ...superuser(), host, port, tls })).rejects.toMatchObject({ code: 'tls_refused' });
  });

  it('refuses a server that does not have the right key', async () => {
    const { host, port } = await tlsInFront();
    const wrong = { ...tls, pskCallback: () => ({ psk: Buffer.alloc(16), identity: 'wire' }) };
    await expect(openBackend({ ...superuser(), host, port, tls: wrong })).rejects.toMatchObject({ code: 'connect_failed' });
  });
});
