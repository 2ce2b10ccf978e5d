const tasks = new Set<() => void>();
let isListening = false;

/**
 * Does this when the bench is interrupted, so that nothing of it is left behind; not when it ends as it should, for which there are disposers.
 * Synchronous. Answers with what takes it back.
 */
export function atExit(task: () => void): () => void {
  if (!isListening) {
    isListening = true;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
    process.once('exit', () => {
      for (const each of tasks) each();
    });
  }
  tasks.add(task);
  return () => void tasks.delete(task);
}

/** Nothing happens to a process that has ended. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended.
  }
}
