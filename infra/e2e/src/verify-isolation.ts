import { ROOT } from '@ultracore/local';
import { spawnProcess } from '@ultracore/testkit';
import type { Fronted } from './edge.ts';

/** `npm run verify-isolation` as its user runs it, against a platform behind its edge. */
export async function verifyIsolation(edge: Fronted, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const command = await spawnProcess(['node', 'infra/local/src/verify-isolation.ts', '--data-dir', edge.stackFile, ...args], {
    cwd: ROOT,
  });
  const { code } = await command.exited;
  return { code, output: command.output() };
}
