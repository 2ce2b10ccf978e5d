import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { LauncherError } from './errors.ts';

/** Resolves to true when nobody listens on the port of the loopback address. */
function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}

/**
 * A port that is free right now, below the range from which systems take the ports of outgoing connections, so that it is
 * still ours after a restart.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) return port;
  }
  throw new LauncherError('port_taken', 'No free port between 20000 and 32000 was found in 200 attempts: end what holds them.');
}

/** Throws `port_taken`, naming the program that holds the port where the system tells, unless the port of this part is free. */
export async function requireFree(port: number, part: string): Promise<void> {
  if (await isFree(port)) return;
  const holder = holderOf(port);
  const variable = `ULTRACORE_${part.toUpperCase().replaceAll('-', '_')}_PORT`;
  const remedy = part === 'edge' ? 'choose another port with --port' : `choose another port with ${variable}`;
  throw new LauncherError(
    'port_taken',
    `Port ${port}, wanted for ${part.replaceAll('_', ' ')}, is taken by ${holder === undefined ? 'another program' : `${holder.program} (pid ${holder.pid})`}: end it, or ${remedy}.`,
  );
}

/** The program that listens on the port, found through /proc; undefined where there is none or we may not look. */
function holderOf(port: number): { pid: number; program: string } | undefined {
  const inodes = new Set([...listeningInodes('/proc/net/tcp', port), ...listeningInodes('/proc/net/tcp6', port)]);
  if (inodes.size === 0) return undefined;
  for (const pid of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
        const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
        if (inode !== undefined && inodes.has(inode)) return { pid: Number(pid), program: programOf(pid) };
      }
    } catch {
      // Ended meanwhile, or somebody else's process that we may not look into.
    }
  }
  return undefined;
}

function listeningInodes(table: string, port: number): string[] {
  const LISTEN = '0A';
  try {
    return readFileSync(table, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === LISTEN && Number.parseInt(fields[1]?.split(':')[1] ?? '', 16) === port)
      .map((fields) => fields[9] ?? '');
  } catch {
    return [];
  }
}

function programOf(pid: string): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').filter(Boolean);
  const program = words[0]?.split('/').at(-1) ?? 'unknown';
  const script = /^(node|python3?|ruby)$/.test(program) ? words.slice(1).find((word) => !word.startsWith('-')) : undefined;
  return script === undefined ? program : `${program} ${script}`;
}
