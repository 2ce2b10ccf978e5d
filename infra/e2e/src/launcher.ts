import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readStack, ROOT, type Stack, stackFile } from '@ultracore/local';
import { type SpawnedProcess, spawnProcess, uniqueName, waitFor } from '@ultracore/testkit';

/** A whole stack of its own, as `npm start` brings it up, for tests that take backends down. */
export interface Launched extends AsyncDisposable {
  readonly dataDir: string;
  readonly launcher: SpawnedProcess;
  /** As it is now: a part that was started again has another pid. */
  stack(): Stack;
}

/** Runs the launcher on free ports in a data directory of its own, and waits until it is ready. */
export async function launchStack(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<Launched> {
  const dataDir = join(ROOT, '.local', uniqueName('e2e'));
  const launcher = await spawnProcess(['node', 'infra/local/src/start.ts', '--free-ports', '--data-dir', dataDir, ...args], {
    cwd: ROOT,
    env,
  });
  const file = stackFile(dataDir);
  await waitFor(
    () => {
      if (!launcher.isAlive()) throw new Error(launcher.output().slice(-2_000));
      return existsSync(file);
    },
    { what: `a stack of its own in ${dataDir}`, deadlineMs: 150_000, everyMs: 200 },
  );
  return {
    dataDir,
    launcher,
    stack: () => readStack(file),
    async [Symbol.asyncDispose]() {
      await launcher.stop(60_000);
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
