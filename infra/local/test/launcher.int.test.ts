import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type SpawnedProcess, spawnProcess, waitFor } from '@ultracore/testkit';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { isRunning, startTimeOf } from '../src/processes.ts';
import { readStack, type Stack } from '../src/stack-file.ts';

const START = join(import.meta.dirname, '../src/start.ts');
const COMPOSE_FREE_PATH = '/nonexistent';
let dataDir: string;

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'ultracore-launcher-'));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

function start(args: string[], env: Record<string, string> = {}): Promise<SpawnedProcess> {
  return spawnProcess(['node', START, '--free-ports', '--data-dir', dataDir, ...args], { env });
}

async function ready(launcher: SpawnedProcess): Promise<Stack> {
  await waitFor(() => existsSync(join(dataDir, 'stack.json')) || !launcher.isAlive(), {
    what: 'the stack to be ready',
    deadlineMs: 90_000,
  });
  if (!launcher.isAlive()) throw new Error(launcher.output());
  return readStack(dataDir);
}

/** Runs to its end; what it said, and its exit code. */
async function outcome(launcher: SpawnedProcess): Promise<{ code: number | null; output: string }> {
  const { code } = await launcher.exited;
  return { code, output: launcher.output() };
}

function listen(): Promise<{ server: Server; port: number }> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve({ server, port: typeof address === 'object' && address !== null ? address.port : 0 });
    });
  });
}

async function ask(stack: Stack, sql: string): Promise<unknown[]> {
  const client = new Client({ ...stack.postgres, database: 'postgres' });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Two signals that come together count as one. */
function interruptAgain(launcher: SpawnedProcess): Promise<boolean> {
  const press = () => {
    launcher.kill('SIGINT');
    return !launcher.isAlive();
  };
  return waitFor(press, { what: 'the launcher to have ended', everyMs: 100 });
}

const recordsOf = (stack: Stack) => Object.values(stack.pids).map((pid) => ({ pid, start_time: startTimeOf(pid) ?? '' }));

describe('what cannot be started is told in one sentence with its remedy, and leaves nothing behind', () => {
  test('a port that somebody else holds: by whom, and how to choose another', async () => {
    const { server, port } = await listen();
    try {
      const { code, output } = await outcome(await start(['--only', 'eventstore'], { ULTRACORE_EVENTSTORE_PORT: String(port) }));
      expect(code).toBe(1);
      expect(output).toMatch(
        new RegExp(
          `Port ${port}, wanted for eventstore, is taken by .+ \\(pid ${process.pid}\\): end it, or choose another port with ULTRACORE_EVENTSTORE_PORT\\.`,
        ),
      );
      expect(output).not.toContain('    at ');
      expect(existsSync(join(dataDir, 'launcher.lock'))).toBe(false);
    } finally {
      server.close();
    }
  });

  test('no Java', async () => {
    const { code, output } = await outcome(await start(['--only', 'kafka'], { PATH: COMPOSE_FREE_PATH }));
    expect(code).toBe(1);
    expect(output).toMatch(/Java was not found, which Kafka and the schema registry need: install .+ or install Docker\./);
    expect(output).not.toContain('    at ');
  });

  test('a Java that is too old', async () => {
    const bin = join(dataDir, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'java'), '#!/bin/sh\necho \'openjdk version "11.0.2"\' >&2\n', { mode: 0o755 });
    const { output } = await outcome(await start(['--only', 'kafka'], { JAVA_HOME: dataDir, PATH: COMPOSE_FREE_PATH }));
    expect(output).toContain('Java 11 is too old for Kafka');
  });

  test('no Maven while something is still to be fetched', async () => {
    const bin = join(dataDir, 'bin');
    mkdirSync(bin);
    writeFileSync(join(bin, 'java'), '#!/bin/sh\necho \'openjdk version "17.0.2"\' >&2\n', { mode: 0o755 });
    const env = { JAVA_HOME: dataDir, PATH: COMPOSE_FREE_PATH, ULTRACORE_JARS_DIR: join(dataDir, 'jars') };
    const { output } = await outcome(await start(['--only', 'kafka'], env));
    expect(output).toMatch(/Maven was not found, which fetches Kafka and the schema registry: install it/);
  });

  test('a data directory that is none', async () => {
    const file = join(dataDir, 'a-file');
    writeFileSync(file, '');
    const { code, output } = await outcome(await start(['--only', 'eventstore', '--data-dir', join(file, 'below')]));
    expect(code).toBe(1);
    expect(output).toMatch(/is not a folder: choose another one with --data-dir\./);
  });

  test('an own server in the environment that does not answer', async () => {
    const { code, output } = await outcome(
      await start(['--only', 'eventstore'], { POSTGRES_URL: 'postgres://postgres:x@127.0.0.1:1/postgres' }),
    );
    expect(code).toBe(1);
    expect(output).toContain('POSTGRES_URL is set, but no Postgres at 127.0.0.1:1 takes this login');
  });

  test('a service without the backends that it needs', async () => {
    const { output } = await outcome(await start(['--only', 'registry,eventstore']));
    expect(output).toContain('registry needs kafka and postgres and schema-registry: add them to --only');
  });
});

describe('a stack', { timeout: 180_000 }, () => {
  test('keeps its data, its ports and its secrets from one run to the next, and stops in reverse order', async () => {
    const first = await start(['--only', 'postgres,eventstore']);
    const before = await ready(first);
    expect(JSON.parse(readFileSync(join(dataDir, 'stack.json'), 'utf8'))).toMatchObject({
      pids: { postgres: expect.any(Number) },
    });
    await ask(before, 'create table kept as select 42 as answer');
    first.kill('SIGINT');
    const { code, output } = await outcome(first);
    expect(code).toBe(0);
    expect(output).toMatch(/eventstore +stopped.+\n.+postgres +stopped/);
    expect(existsSync(join(dataDir, 'stack.json'))).toBe(false);
    expect(recordsOf(before).some(isRunning)).toBe(false);

    const second = await start(['--only', 'postgres,eventstore']);
    const after = await ready(second);
    expect(after.postgres).toEqual(before.postgres);
    expect(after.master_password).toBe(before.master_password);
    expect(await ask(after, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await second.stop();
  });

  test('that is running is not started a second time: its addresses are printed instead', async () => {
    const launcher = await start(['--only', 'eventstore']);
    const stack = await ready(launcher);
    const { code, output } = await outcome(await start(['--only', 'eventstore']));
    expect(code).toBe(0);
    expect(output).toContain(`It is already running (launcher pid ${launcher.pid}).`);
    expect(output).toContain(stack.eventstoredb_url);
    expect(launcher.isAlive()).toBe(true);
    await launcher.stop();
  });

  test('whose launcher was killed is cleaned up by the next start', async () => {
    const killed = await start(['--only', 'postgres,eventstore']);
    const orphans = recordsOf(await ready(killed));
    killed.kill('SIGKILL');
    await killed.exited;
    expect(orphans.every(isRunning)).toBe(true);

    const next = await start(['--only', 'postgres,eventstore']);
    await waitFor(() => next.output().includes('UltraCore is ready'), { what: 'the next start to be ready', deadlineMs: 90_000 });
    expect(next.output()).toContain('the run before was killed; ended what it left running: ');
    expect(orphans.some(isRunning)).toBe(false);
    await next.stop();
  });

  test('does not mistake a stranger that got the pid of a killed run for its own', async () => {
    const stranger = await spawnProcess(['node', '-e', 'setInterval(() => {}, 1000)']);
    const record = { name: 'eventstore', pid: stranger.pid, start_time: '1' };
    writeFileSync(join(dataDir, 'launcher.lock'), JSON.stringify({ ...record, name: 'launcher' }));
    writeFileSync(join(dataDir, 'processes.json'), JSON.stringify([record]));
    const launcher = await start(['--only', 'eventstore']);
    await ready(launcher);
    expect(launcher.output()).toContain('the run before was killed; nothing of it was left');
    expect(stranger.isAlive()).toBe(true);
    await launcher.stop();
    await stranger.stop();
  });

  test('starts a part again that dies, on the same port, and says so', async () => {
    const launcher = await start(['--only', 'eventstore']);
    const { pids, eventstoredb_url: url } = await ready(launcher);
    process.kill(pids['eventstore'] ?? 0, 'SIGKILL');
    const again = await waitFor(() => [readStack(dataDir)].find((stack) => stack.pids['eventstore'] !== pids['eventstore']), {
      what: 'the event store to be back',
    });
    expect(again.eventstoredb_url).toBe(url);
    await waitFor(() => launcher.output().includes('running again'), { what: 'the launcher to tell', deadlineMs: 30_000 });
    expect(launcher.output()).toMatch(/eventstore +ended by SIGKILL\. Log: .+eventstore\.log; starting it again in 500 ms/);
    await launcher.stop();
  });

  test('ends at once at the second Ctrl-C', async () => {
    const launcher = await start(['--only', 'eventstore']);
    const records = recordsOf(await ready(launcher));
    // A stopped process does not take part in an orderly end.
    for (const { pid } of records) process.kill(pid, 'SIGSTOP');
    launcher.kill('SIGINT');
    await waitFor(() => launcher.output().endsWith('\n\n'), { what: 'the first signal to be taken', deadlineMs: 30_000 });
    await interruptAgain(launcher);
    await expect(launcher.exited).resolves.toMatchObject({ code: 130 });
    await waitFor(() => !records.some(isRunning), { what: 'its processes to be gone', deadlineMs: 30_000 });
  });

  test('ends at once at the second Ctrl-C while it is starting, too', async () => {
    const launcher = await start(['--only', 'kafka,eventstore']);
    const processes = join(dataDir, 'processes.json');
    const recorded = () => (existsSync(processes) ? readFileSync(processes, 'utf8') : '');
    await waitFor(() => recorded().includes('kafka'), { what: 'Kafka to be starting', deadlineMs: 60_000 });
    const records = z.array(z.object({ pid: z.number(), start_time: z.string() })).parse(JSON.parse(recorded()));
    for (const { pid } of records) process.kill(pid, 'SIGSTOP');
    launcher.kill('SIGINT');
    await waitFor(() => launcher.output().endsWith('\n'), { what: 'the first signal to be taken', deadlineMs: 30_000 });
    await interruptAgain(launcher);
    await expect(launcher.exited).resolves.toMatchObject({ code: 130 });
    await waitFor(() => !records.some(isRunning), { what: 'its processes to be gone', deadlineMs: 30_000 });
  });

  test('that was asked to end while starting stops what it had started', async () => {
    const launcher = await start(['--only', 'kafka,eventstore']);
    await waitFor(
      () =>
        existsSync(join(dataDir, 'processes.json')) && readFileSync(join(dataDir, 'processes.json'), 'utf8').includes('kafka'),
      { what: 'Kafka to be starting', deadlineMs: 60_000 },
    );
    launcher.kill('SIGINT');
    const { code, output } = await outcome(launcher);
    expect(code).toBe(130);
    expect(output).toContain('Stopped before it was ready.');
    expect(existsSync(join(dataDir, 'launcher.lock'))).toBe(false);
  });

  test('ends when the parent that started it with --with-parent is gone', async () => {
    const script = `const { spawn } = require('node:child_process'); spawn(process.execPath, ${JSON.stringify([START, '--free-ports', '--with-parent', '--only', 'eventstore', '--data-dir', dataDir])}, { stdio: ['pipe', 'ignore', 'ignore'] }); setInterval(() => {}, 1000);`;
    const parent = await spawnProcess(['node', '-e', script]);
    await waitFor(() => existsSync(join(dataDir, 'stack.json')), { what: 'the stack to be ready', deadlineMs: 90_000 });
    const records = recordsOf(readStack(dataDir));
    parent.kill('SIGKILL');
    await waitFor(() => !existsSync(join(dataDir, 'launcher.lock')), { what: 'the launcher to have ended', deadlineMs: 30_000 });
    expect(records.some(isRunning)).toBe(false);
  });

  test('--fresh starts over', async () => {
    const first = await start(['--only', 'postgres']);
    await ask(await ready(first), 'create table gone (id int)');
    await first.stop();
    const second = await start(['--only', 'postgres', '--fresh']);
    expect(await ask(await ready(second), `select to_regclass('gone') as found`)).toEqual([{ found: null }]);
    await second.stop();
  });
});
