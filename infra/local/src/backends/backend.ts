import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { LauncherError } from '../errors.ts';
import { logSince, type ManagedProcess } from '../processes.ts';

export const BACKENDS = ['kafka', 'postgres', 'schema-registry', 'eventstore'] as const;
export type BackendName = (typeof BACKENDS)[number];

/**
 * Polls `ready` until it holds; ends the process when it does not come to that. Throws `backend_failed` with the last words of the log when the process ends first or the
 * deadline passes; a probe that throws counts as not ready.
 */
export async function untilReady(
  process_: ManagedProcess,
  ready: () => Promise<boolean>,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<void> {
  try {
    await poll(process_, ready, deadlineMs, signal);
  } catch (error) {
    await process_.stop(5_000);
    throw error;
  }
}

async function poll(
  process_: ManagedProcess,
  ready: () => Promise<boolean>,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    signal.throwIfAborted();
    if (!process_.alive()) {
      const { code, signal: by } = await process_.exited;
      throw new LauncherError(
        'backend_failed',
        `${process_.name} ended while starting (${by ?? `code ${code}`}): ${lastWords(process_)} Log: ${process_.logFile}`,
      );
    }
    if (await ready().catch(() => false)) return;
    if (Date.now() > deadline) {
      throw new LauncherError(
        'backend_failed',
        `${process_.name} was not ready within ${deadlineMs / 1000} s: ${lastWords(process_)} Log: ${process_.logFile}`,
      );
    }
    await sleep(50);
  }
}

/** The line of the log that most likely tells why: of our services the last one about an error, of others likewise by its words. */
function lastWords(process_: ManagedProcess): string {
  const text = logSince(process_);
  if (/No space left on device/i.test(text)) return 'the disk is full: free about 1 GB.';
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !/^\s+at /.test(line));
  const grave = lines.map(readLogLine).findLast((line) => line !== undefined && GRAVE.has(line.level));
  if (grave !== undefined) return `${grave.msg}${/[.!?]$/.test(grave.msg) ? '' : '.'}`;
  const telling = lines.findLast((line) => /\b(FATAL|PANIC|ERROR|Exception|Error)\b/.test(line)) ?? lines.at(-1);
  return telling === undefined ? 'it wrote nothing.' : `“${telling.trim().slice(0, 240)}”.`;
}

const GRAVE = new Set(['error', 'fatal']);
const logLineSchema = z.object({ level: z.string(), msg: z.string() });

function readLogLine(line: string): z.infer<typeof logLineSchema> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return logLineSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
