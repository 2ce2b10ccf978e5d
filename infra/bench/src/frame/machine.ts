import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';

/** On what the figures were seen. */
export interface Machine {
  cores: number;
  cpu: string;
  memory_gib: number;
  system: string;
  node: string;
  /** One-minute load average before the bench started anything: figures of a busy machine are worth less. */
  load_before: number;
  /** Commit of the checkout, with `+` when files were changed since. */
  commit: string;
  [backendVersion: `${string}_version`]: string;
}

export function describeMachine(root: string): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memory_gib: Math.round((totalmem() / 1024 ** 3) * 10) / 10,
    system: `${type()} ${release()}`,
    node: process.version,
    load_before: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    commit: commitOf(root),
  };
}

function commitOf(root: string): string {
  const git = (...args: string[]): string =>
    execFileSync('git', ['-C', root, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no') !== '';
    return `${git('rev-parse', '--short', 'HEAD').trim()}${changed ? '+' : ''}`;
  } catch {
    return 'unknown';
  }
}
