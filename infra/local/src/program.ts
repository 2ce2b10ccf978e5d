import { spawn } from 'node:child_process';

/** Runs a program to its end and collects what it says; `code` is undefined when there is no such program. */
export function runProgram(
  program: string,
  args: readonly string[],
  cwd?: string,
): Promise<{ code: number | undefined; output: string }> {
  return new Promise((resolve) => {
    const child = spawn(program, [...args], { stdio: ['ignore', 'pipe', 'pipe'], ...(cwd === undefined ? {} : { cwd }) });
    let output = '';
    const collect = (chunk: Buffer) => {
      output += chunk.toString('utf8');
    };
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('error', () => resolve({ code: undefined, output }));
    child.once('close', (code) => resolve({ code: code ?? 1, output }));
  });
}

/** True when the program is there and ends well with these arguments. */
export async function isInstalled(program: string, args: readonly string[]): Promise<boolean> {
  return (await runProgram(program, args)).code === 0;
}
