import type { TestProject } from 'vitest/node';
import { type Backends, type Mode, MODES, startBackends } from './backends.ts';
import { STACK_VARIABLE } from './stack.ts';

/**
 * Vitest's global setup: uses the stack that ULTRACORE_TEST_STACK names, else brings backends up (ULTRACORE_TEST_MODE: embedded
 * unless set) and ends them after the last test. Several projects of one run share them.
 */
export async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  return process.env[STACK_VARIABLE] ? undefined : bringUp(project);
}

/** Brings backends up, which all tests of this run use, and ends them after the last one. */
export async function bringUp(project: TestProject): Promise<() => Promise<void>> {
  const mode = process.env['ULTRACORE_TEST_MODE'] ?? 'embedded';
  if (!isMode(mode)) throw new Error(`ULTRACORE_TEST_MODE must be one of ${MODES.join(', ')}, not ${JSON.stringify(mode)}.`);
  const backends: Backends = await startBackends(mode);
  const given = process.env[STACK_VARIABLE];
  process.env[STACK_VARIABLE] = backends.stackFile;
  return async () => {
    if (given === undefined) delete process.env[STACK_VARIABLE];
    else process.env[STACK_VARIABLE] = given;
    await backends.stop(project.vitest.state.getCountOfFailedTests() > 0);
  };
}

function isMode(mode: string): mode is Mode {
  return (MODES as readonly string[]).includes(mode);
}
