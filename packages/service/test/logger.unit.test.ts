import { describe, expect, it } from 'vitest';
import { createLogger, redact, redactText } from '../src/index.ts';

function capture(level: 'info' | 'debug' = 'info') {
  const lines: string[] = [];
  const logger = createLogger({ name: 'registry', level, destination: { write: (line) => void lines.push(line) } });
  return { logger, lines, text: () => lines.join('') };
}

describe('createLogger', () => {
  it('writes one JSON object a line with the service, an ISO time and the level by name', () => {
    const { logger, lines } = capture();
    logger.info({ tenant_id: 'acme' }, 'created');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      service: 'registry',
      level: 'info',
      tenant_id: 'acme',
      msg: 'created',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  });

  it('hides values under keys that look secret, at any depth, in fields and in child bindings', () => {
    const { logger, text } = capture();
    logger.info(
      { config: { KAFKA_PASSWORD: 'hunter2', list: [{ apiKey: 'hunter2' }] }, headers: { authorization: 'hunter2' } },
      'x',
    );
    logger.child({ tenant_id: 'acme' }).child({ db_password_encrypted: 'hunter2' }).info('y');
    logger.info({ credential: { anything: 'hunter2' }, tokens: ['hunter2'], cookie: Buffer.from('hunter2') }, 'z');
    expect(text()).not.toContain('hunter2');
    expect(text()).toContain('"KAFKA_PASSWORD":"[redacted]"');
    expect(text()).toContain('"tenant_id":"acme","db_password_encrypted":"[redacted]","msg":"y"');
  });

  it('hides the password of a URL and of a connection string wherever it stands', () => {
    const { logger, text } = capture();
    const error = new Error('connect to postgres://app:hunter2@db:5432/x failed', {
      cause: new Error("host=db password='hunter2'"),
    });
    Object.assign(error, {
      config: { connectionString: 'postgres://app:hunter2@db/x', password: 'hunter2' },
      code: 'ECONNREFUSED',
    });
    logger.error({ err: error }, 'cannot reach postgresql://app:hunter2@db');
    logger.error(error);
    expect(text()).not.toContain('hunter2');
    expect(text()).toContain('postgres://app:[redacted]@db:5432/x');
    expect(text()).toContain('ECONNREFUSED');
  });

  it('hides tokens, SCRAM verifiers and sealed credentials inside texts', () => {
    const jwt = `eyJhbGciOiJFUzI1NiJ9.${'a'.repeat(30)}.${'b'.repeat(40)}`;
    const verifier = 'SCRAM-SHA-256$4096:c2FsdA==$c3RvcmVk:c2VydmVy';
    const sealed = `v1.k1.${'a'.repeat(11)}.${'b'.repeat(16)}.${'c'.repeat(80)}`;
    const { logger, text } = capture();
    logger.warn(`refused Bearer abc.def for ${jwt}; alter role x password '${verifier}'; ${sealed}`);
    for (const secret of ['abc.def', jwt, verifier, sealed]) expect(text()).not.toContain(secret);
  });

  it('shows an error with its type, code, stack and causes', () => {
    const { logger, lines } = capture();
    logger.error({ err: new TypeError('outer', { cause: Object.assign(new Error('inner'), { code: '23505' }) }) }, 'failed');
    expect(JSON.parse(lines[0] ?? '').err).toMatchObject({
      type: 'TypeError',
      message: 'outer',
      stack: expect.stringContaining('logger.unit.test.ts'),
      cause: { message: 'inner', code: '23505' },
    });
  });

  it('keeps counts and switches readable under a suspicious name', () => {
    expect(redact({ token_count: 3, has_password: false, secret: null })).toEqual({
      token_count: 3,
      has_password: false,
      secret: null,
    });
  });

  it('ends for what refers to itself and shows only the length of bytes', () => {
    const loop: Record<string, unknown> = { bytes: Buffer.alloc(5) };
    loop['self'] = loop;
    expect(redact(loop)).toEqual({ bytes: '[5 bytes]', self: '[…]' });
  });
});

describe('redactText', () => {
  it.each([
    'postgres://app:p@hunter2@db/x',
    "alter role app password 'hunter2'",
    'sent {"master_password": "a\\"hunter2", "x": 1}',
    'PGPASSWORD=hunter2 psql',
    'authorization: Basic aHVudGVyMg==hunter2',
  ])('hides what is secret in %j', (text) => {
    expect(redactText(text)).not.toContain('hunter2');
    expect(redactText(redactText(text))).toBe(redactText(text));
  });

  it.each(['http://127.0.0.1:8080/a', 'see https://example.org/x?y=1', 'ratio 3:4@noon', 'esdb://127.0.0.1:2113?tls=false'])(
    'leaves %s as it is',
    (text) => {
      expect(redactText(text)).toBe(text);
    },
  );
});
