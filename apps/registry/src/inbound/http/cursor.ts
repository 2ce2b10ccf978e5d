import { ProblemError } from '@ultracore/service';

/** Opaque to callers, so that what pages are ordered by may change. */
export const toCursor = (last: string): string => Buffer.from(last).toString('base64url');

/** Throws a `ProblemError` 400 unless the cursor is one of ours. */
export function fromCursor(cursor: string | undefined, pattern: RegExp): string | undefined {
  if (cursor === undefined) return undefined;
  const last = Buffer.from(cursor, 'base64url').toString();
  if (!pattern.test(last)) {
    throw new ProblemError({
      status: 400,
      code: 'cursor_invalid',
      detail: 'The cursor is not one that a page before has given.',
      field: 'cursor',
    });
  }
  return last;
}
