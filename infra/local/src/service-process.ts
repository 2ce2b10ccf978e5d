import { join } from 'node:path';
import { untilReady } from './backends/backend.ts';
import { type ManagedProcess, type StartContext, startProcess } from './processes.ts';

/** Starts `node apps/<name>/src/main.ts`. Ready = its `/readyz` answers 200. */
export async function startService(
  options: { name: string; root: string; logDir: string; port: number; env: Readonly<Record<string, string | undefined>> },
  context: StartContext,
): Promise<ManagedProcess> {
  const process_ = await startProcess(
    {
      name: options.name,
      command: process.execPath,
      args: [`apps/${options.name}/src/main.ts`],
      env: options.env,
      cwd: options.root,
      logFile: join(options.logDir, `${options.name}.log`),
    },
    context,
  );
  await untilReady(process_, () => isReady(options.port), 60_000, context.signal);
  return process_;
}

async function isReady(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`, { signal: AbortSignal.timeout(5_000) });
  await response.arrayBuffer();
  return response.ok;
}
