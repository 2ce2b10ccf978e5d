import { describe, expect, test } from 'vitest';
import { LauncherError } from '../src/errors.ts';
import { DEFAULT_PORTS, HELP, isWanted, PARTS, parseOptions, ROOT } from '../src/options.ts';

function refusal(argv: string[], env: Record<string, string> = {}): string {
  try {
    parseOptions(argv, env);
  } catch (error) {
    if (error instanceof LauncherError && error.code === 'bad_option') return error.message;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('the command line', () => {
  test('without options everything runs, in .local of the checkout, on the fixed ports', () => {
    const options = parseOptions([], {});
    expect(options).toMatchObject({ dataDir: `${ROOT}/.local`, only: undefined, fresh: false, freePorts: false, ports: {} });
    expect(PARTS.every((part) => isWanted(options, part))).toBe(true);
  });

  test('--only takes a list of parts and leaves out the others', () => {
    const options = parseOptions(['--only', 'kafka, postgres'], {});
    expect(PARTS.filter((part) => isWanted(options, part))).toEqual(['kafka', 'postgres']);
  });

  test('--backends-only leaves out every service', () => {
    const options = parseOptions(['--backends-only'], {});
    expect(PARTS.filter((part) => isWanted(options, part))).toEqual(['kafka', 'postgres', 'schema-registry', 'eventstore']);
  });

  test('--port wins over the variable of the edge, and each part has a variable', () => {
    const env = {
      ULTRACORE_EDGE_PORT: '1111',
      ULTRACORE_SCHEMA_REGISTRY_PORT: '2222',
      ULTRACORE_PROVISIONING_WORKER_PORT: '3333',
    };
    expect(parseOptions(['--port', '4444'], env).ports).toEqual({
      edge: 4444,
      schema_registry: 2222,
      'provisioning-worker': 3333,
    });
  });

  test('every mistake is told at once, each in a sentence', () => {
    const message = refusal(['--only', 'kafka,zookeeper', '--port', '80000'], { KAFKA_BROKERS: 'kafka:9092' });
    expect(message).toContain('--only knows no zookeeper; it knows kafka,');
    expect(message).toContain('--port must be a port from 1 to 65535, not "80000".');
    expect(message).toContain('KAFKA_BROKERS needs KAFKA_ADMIN_USERNAME and KAFKA_ADMIN_PASSWORD');
  });

  test('an unknown option is named, and the help is pointed to', () => {
    expect(refusal(['--frsh'])).toMatch(/--frsh.*npm start -- --help/s);
  });

  test('options that npm swallowed because of a missing -- are told', () => {
    expect(refusal(['/tmp/elsewhere'], { npm_config_data_dir: 'true' })).toContain(
      'npm kept --data-dir for itself: write the options after `--`',
    );
  });

  test('a URL that is none is told before anything starts', () => {
    expect(refusal([], { POSTGRES_URL: 'localhost' })).toContain(
      'POSTGRES_URL is not a URL that begins with postgres:// or postgresql://.',
    );
    expect(refusal([], { EVENTSTOREDB_URL: 'http://x' })).toContain('EVENTSTOREDB_URL is not a URL');
  });
});

test('no two parts have the same fixed port', () => {
  const ports = Object.values<number>(DEFAULT_PORTS);
  expect(new Set(ports).size).toBe(ports.length);
});

test('the help names every part and every option', () => {
  for (const word of [...PARTS, '--only', '--backends-only', '--data-dir', '--fresh', '--port', '--free-ports'])
    expect(HELP).toContain(word);
});
