import { existsSync } from 'node:fs';
import { runningLauncher } from './run-lock.ts';
import { readStack, type Stack, stackFile } from './stack-file.ts';

/** The launcher that runs a data directory now, and its stack once that is ready; undefined when nothing runs. */
export function runningStack(dataDir: string): { pid: number; ready: boolean; stack: Stack | undefined } | undefined {
  const launcher = runningLauncher(dataDir);
  if (launcher === undefined) return undefined;
  const ready = existsSync(stackFile(dataDir));
  return { pid: launcher.pid, ready, stack: ready ? readStack(dataDir) : undefined };
}
