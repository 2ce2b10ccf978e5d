import { ServiceError } from './errors.ts';

/** Called where one step is done and the next not begun. Returns, unless the process was told to die there. */
export type OnBoundary = (name: string) => void;

/**
 * For tests of what a `kill -9` leaves behind: the process kills itself at the boundary named by `crashAt` (the value of
 * ULTRACORE_CRASH_AT), without running anything more. Without a name nothing ever happens. Throws `crash_point_refused` in production.
 */
export function createCrashPoints(crashAt: string | undefined, { production }: { production: boolean }): OnBoundary {
  if (crashAt === undefined || crashAt === '') return () => undefined;
  if (production) {
    throw new ServiceError('crash_point_refused', 'ULTRACORE_CRASH_AT is for tests and is refused when NODE_ENV is production.');
  }
  return (name) => {
    if (name === crashAt) process.kill(process.pid, 'SIGKILL');
  };
}
