import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';

const program = new URL('service-process.ts', import.meta.url).pathname;

/** Runs the sample service; `onUp` is called once it says that it is up. */
async function run(fault: string, onUp?: (kill: (signal: NodeJS.Signals) => void) => void) {
  const child = spawn(process.execPath, [program, fault], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  let up = false;
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdout.on('data', (chunk: Buffer) => {
    stdout += chunk.toString();
    if (up || !stdout.includes('sample is up')) return;
    up = true;
    onUp?.((signal) => child.kill(signal));
  });
  const [code, signal] = await once(child, 'close');
  const lines = stdout.split('\n');
  return {
    code,
    signal,
    stdout,
    stderr,
    steps: lines.filter((line) => /^(start|stop) /.test(line)),
    log: lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line)),
  };
}

const allStarted = ['start pool', 'start consumer', 'start http'];
const allStopped = ['stop http', 'stop consumer', 'stop pool'];

describe('runService', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)('starts in order and on %s stops in reverse, ending with 0', async (signal) => {
    const { code, steps } = await run('', (kill) => kill(signal));
    expect(steps).toEqual([...allStarted, ...allStopped]);
    expect(code).toBe(0);
  });

  it('says in one sentence, without a stack or a password, why a part did not start, and stops those that did', async () => {
    const { code, steps, log, stdout } = await run('start-known:consumer');
    expect(code).toBe(1);
    expect(steps).toEqual(['start pool', 'stop consumer', 'stop pool']);
    expect(log[0]).toMatchObject({
      level: 'fatal',
      code: 'config_invalid',
      msg: 'sample could not start: consumer did not start: the password is wrong for postgres://u:[redacted]@h',
    });
    expect(stdout).not.toMatch(/hunter2|"stack"/);
  });

  it('shows the stack of a start failure that nobody foresaw', async () => {
    const { code, log } = await run('start-bug:http');
    expect(code).toBe(1);
    expect(log[0].err).toMatchObject({ type: 'TypeError', stack: expect.stringContaining('service-process.ts') });
  });

  it('stops the other parts when one cannot, and ends with 1', async () => {
    const { code, steps, log } = await run('stop-throws:consumer', (kill) => kill('SIGTERM'));
    expect(steps).toEqual([...allStarted, 'stop http', 'stop pool']);
    expect(log).toContainEqual(expect.objectContaining({ level: 'error', part: 'consumer' }));
    expect(code).toBe(1);
  });

  it('ends with 1 when the stop takes too long, naming the part that hangs', async () => {
    const { code, log } = await run('stop-hangs:consumer', (kill) => kill('SIGTERM'));
    expect(code).toBe(1);
    expect(log.at(-1)).toMatchObject({ level: 'fatal', waiting_for: 'consumer', msg: 'sample did not stop within 500 ms' });
  });

  it.each(['rejection', 'exception'])('logs an unhandled %s and ends with 1', async (fault) => {
    const { code, log } = await run(fault);
    expect(code).toBe(1);
    expect(log.at(-1)).toMatchObject({ level: 'fatal', msg: 'sample is ended by an error that nobody handled' });
  });
});

describe('runMain', () => {
  it('writes what was wrong with the configuration to standard error and nothing else', async () => {
    const { code, stdout, stderr } = await run('config');
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toBe('sample could not start: The configuration is not valid:\n  - HTTP_PORT: is required\n');
  });
});

describe('createCrashPoints', () => {
  it('kills the process at the named boundary before it does anything more', async () => {
    const { signal, stdout } = await run('crash');
    expect(signal).toBe('SIGKILL');
    expect(stdout).not.toContain('still here');
  });
});
