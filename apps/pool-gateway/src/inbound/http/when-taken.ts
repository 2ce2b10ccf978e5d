import type { FastifyReply } from 'fastify';

/** Calls back when the caller has taken the answer, or has gone; who takes longer than `unreadMs` from now on is let go. */
export function whenTaken({ raw }: Pick<FastifyReply, 'raw'>, unreadMs: number, taken: () => void = () => {}): void {
  if (raw.closed) return taken();
  const overdue = setTimeout(() => raw.destroy(), unreadMs);
  raw.once('close', () => {
    clearTimeout(overdue);
    taken();
  });
}
