import type { Connection } from '@ultracore/tenant-database';
import type { ClientBase } from 'pg';

/** How long things may take on a server that answers. */
export interface Patience {
  /** How long a statement may run, unless it comes with a limit of its own. Held by the server. */
  readonly statementMs: number;
  /** After how long without an answer the server is asked whether it is still at work on it. */
  readonly askAfterMs: number;
}

/** A statement gets longer than any single one of a healthy creation takes. */
export const PATIENCE: Patience = { statementMs: 60_000, askAfterMs: 30_000 };

/** Asks the server, over another connection, whether it is at work on what a session sent. Throws when the server cannot be asked. */
export type AskIfAtWork = () => Promise<boolean>;

/** The server cannot be asked any more, or has long done what it was asked: the answer will not come. */
export class AnswerLostError extends Error {
  override readonly name = 'AnswerLostError';

  constructor(why: string, options?: ErrorOptions) {
    super(`The answer is lost: ${why}`, options);
  }
}

/** How often in a row a server may say that it is not at work: the answer may have been on its way. */
const IDLE_AT_MOST = 1;
/** How often in a row the question may go unanswered: a server under load may take a moment too long for it. */
const UNANSWERED_AT_MOST = 1;

/**
 * Waits for an answer for as long as the server is at work on it. How long that may be the server knows: there each statement has a
 * limit, however many of them were sent as one text.
 * @throws AnswerLostError
 */
export async function patiently<Answer>(answer: Promise<Answer>, askAfterMs: number, isAtWork: AskIfAtWork): Promise<Answer> {
  let idle = 0;
  let unanswered = 0;
  while (await isSilentFor(askAfterMs, answer)) {
    try {
      idle = (await isAtWork()) ? 0 : idle + 1;
      unanswered = 0;
    } catch (error) {
      unanswered += 1;
      if (unanswered <= UNANSWERED_AT_MOST) continue;
      const why = error instanceof Error ? error.message : String(error);
      throw new AnswerLostError(`the server does not answer (${why})`, { cause: error });
    }
    if (idle > IDLE_AT_MOST) throw new AnswerLostError('the server is not at work on it');
  }
  return answer;
}

async function isSilentFor(ms: number, answer: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, true);
  });
  const spoken = (): boolean => false;
  try {
    return await Promise.race([answer.then(spoken, spoken), silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** A connection on which each answer is waited for patiently. Once one is lost, nothing more is asked on it. */
export function patientConnection(client: ClientBase, askAfterMs: number, isAtWork: AskIfAtWork): Connection {
  let lost: AnswerLostError | undefined;
  const ask = async (answer: Promise<unknown>): Promise<unknown> => {
    try {
      return await patiently(answer, askAfterMs, isAtWork);
    } catch (error) {
      if (error instanceof AnswerLostError) lost = error;
      throw error;
    }
  };
  const query = new Proxy(client.query.bind(client), {
    apply(target, _self, args): unknown {
      if (lost !== undefined) return Promise.reject(lost);
      const answer: unknown = Reflect.apply(target, undefined, args);
      return answer instanceof Promise ? ask(answer) : answer;
    },
  });
  return { query };
}
