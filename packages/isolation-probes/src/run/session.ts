import type { Tier } from '@ultracore/contracts';
import type { Form, Login, Route } from '../probe.ts';

/** One statement; `params` are the values of `$1`, `$2`, …. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly string[];
}

export interface Request {
  readonly form: Form;
  readonly statements: readonly Statement[];
  readonly timeoutMs?: number | undefined;
}

/** What one statement answered: its rows, each as the values of its columns, or how many it changed. */
export interface Result {
  readonly rows: readonly (readonly unknown[])[];
  readonly affected: number;
}

export interface Reply {
  /** SQLSTATE or code of the gateway's problem; undefined when every statement succeeded. */
  readonly code: string | undefined;
  /** Who refused, where there is a code. `nobody`: the connection was lost, or the answer was not one. */
  readonly refusedBy?: 'postgres' | 'gateway' | 'nobody';
  readonly message?: string;
  /** Of the statements that succeeded. */
  readonly results: readonly Result[];
  /** Everything that came back, as text: values, names, errors, notices, notifications, headers. */
  readonly text: string;
}

/** One way in, as one login of one tenant: a connection, or requests to the gateway. */
export interface Session {
  run(request: Request): Promise<Reply>;
  /** Makes it fit for the next user, as the platform does between two. */
  reset(): Promise<void>;
  close(): Promise<void>;
}

/** One tenant, by one route. */
export interface Party {
  readonly tenantId: string;
  readonly tier: Tier;
  readonly route: Route;
  /** How many requests are needed to see every backend that the next request could meet. */
  readonly backends: number;
  /** Rejects with a `Refusal` when Postgres or the gateway refuse the login itself. */
  open(login: Login, options?: { readonly database?: string | undefined }): Promise<Session>;
  /** SCRAM verifier of the login's present password, where the party knows it. */
  verifier?(login: Login): string;
}

/** A login that was refused. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reply: Reply;

  constructor(reply: Reply) {
    super(reply.message ?? 'The login was refused.');
    this.reply = reply;
  }
}

/** The rows of the last statement of a request that must succeed. */
export function rowsOf(reply: Reply): readonly (readonly unknown[])[] | undefined {
  return reply.code === undefined ? (reply.results.at(-1)?.rows ?? []) : undefined;
}
