import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import { TestkitError } from './errors.ts';
import { endLeftovers } from './process.ts';

const WATCHED = ['TCPSocketWrap', 'TCPServerWrap', 'Timeout'] as const;
const NAMES: Record<(typeof WATCHED)[number], string> = {
  TCPSocketWrap: 'connection',
  TCPServerWrap: 'listening server',
  Timeout: 'timer',
};
const SETTLE_MS = 3_000;

/**
 * Fails a test file that ends with more open connections, listeners or timers than it began with, or with a spawned process still
 * running. Runs after the file's own hooks; what only needs a moment to close gets three seconds.
 */
export function checkLeaksAtEndOfFile(): void {
  const before = openResources();
  afterAll(async () => {
    const processes = await endLeftovers();
    const deadline = Date.now() + SETTLE_MS;
    let leaked = leakedSince(before);
    while (leaked.length > 0 && Date.now() < deadline) {
      await sleep(25, undefined, { ref: false });
      leaked = leakedSince(before);
    }
    const found = [...processes.map((command) => `process ${command}`), ...leaked];
    if (found.length > 0) throw new TestkitError('leaked', `Left open at the end of the file: ${found.join('; ')}.`);
  });
}

function openResources(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const kind of process.getActiveResourcesInfo()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return counts;
}

function leakedSince(before: Map<string, number>): string[] {
  const now = openResources();
  return WATCHED.flatMap((kind) => {
    const more = (now.get(kind) ?? 0) - (before.get(kind) ?? 0);
    return more > 0 ? [`${more} ${NAMES[kind]}${more > 1 ? 's' : ''}`] : [];
  });
}
