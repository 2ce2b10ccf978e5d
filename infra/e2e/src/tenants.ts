import { randomBytes } from 'node:crypto';

/** An id that no other test has: the shared backends keep every tenant of the run. */
export const freshId = (prefix: string): string => `${prefix}-${randomBytes(5).toString('hex')}`;
