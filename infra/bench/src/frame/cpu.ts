import { readdirSync, readFileSync } from 'node:fs';

/** CPU time used so far, in microseconds, by name. */
export type CpuTimes = ReadonlyMap<string, number>;

/** The kernel counts in hundredths of a second, whatever its own tick is. */
const MICROSECONDS_PER_TICK = 10_000;

interface ProcessTimes {
  parent: number;
  ticks: number;
}

/**
 * CPU time of processes with all their descendants. Unlike a rate it hardly depends on what else the machine does. Empty where there
 * is no /proc.
 */
export function cpuTimes(pids: Readonly<Record<string, number>>): CpuTimes {
  const table = processTable();
  const children = new Map<number, number[]>();
  for (const [pid, { parent }] of table) children.set(parent, [...(children.get(parent) ?? []), pid]);
  const ticksOf = (pid: number): number =>
    (children.get(pid) ?? []).reduce((sum, child) => sum + ticksOf(child), table.get(pid)?.ticks ?? 0);
  if (table.size === 0) return new Map();
  return new Map(Object.entries(pids).map(([name, pid]) => [name, ticksOf(pid) * MICROSECONDS_PER_TICK]));
}

/** What each process spent between two looks for each of `count` things, in microseconds. */
export function cpuEach(before: CpuTimes, after: CpuTimes, count: number): [name: string, each: number][] {
  return [...after].map(([name, time]) => [name, (time - (before.get(name) ?? 0)) / count]);
}

function processTable(): Map<number, ProcessTimes> {
  const table = new Map<number, ProcessTimes>();
  let entries: string[];
  try {
    entries = readdirSync('/proc');
  } catch {
    return table;
  }
  for (const entry of entries) {
    if (!/^\d+$/.test(entry)) continue;
    const times = timesOf(entry);
    if (times) table.set(Number(entry), times);
  }
  return table;
}

/** Undefined for a process that has just ended. Ended children that were waited for count for their parent. */
function timesOf(pid: string): ProcessTimes | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything, so fields are counted from its end: state, ppid, …, utime stime cutime cstime.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent = 0] = fields;
    return { parent, ticks: fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) };
  } catch {
    return undefined;
  }
}
