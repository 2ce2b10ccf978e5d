import { ProblemError } from '@ultracore/service';
import { DatabaseError } from '../database/database-error.ts';

const UNIQUE_VIOLATION = '23505';

/** What a caller is told when its tenant's database did not answer with rows; undefined for what is a fault of this service. */
export const toProblemError = (error: unknown): ProblemError | undefined => {
  if (!(error instanceof DatabaseError)) return undefined;
  const { code, fault, message: detail, retryAfterMs, status } = error;
  if (fault === 'rejected') return error.sqlstate === UNIQUE_VIOLATION ? alreadyExists(error) : undefined;
  const retryAfter = { 'retry-after': String(Math.max(1, Math.ceil((retryAfterMs ?? 0) / 1000))) };
  return new ProblemError({ status, code, detail, ...(fault === 'refused' ? {} : { headers: retryAfter }), cause: error });
};

const alreadyExists = (cause: DatabaseError): ProblemError =>
  new ProblemError({ status: 409, code: 'already_exists', detail: 'There is one like this already.', cause });

export const notFound = (what: string): ProblemError =>
  new ProblemError({ status: 404, code: 'not_found', detail: `There is no such ${what}.` });
