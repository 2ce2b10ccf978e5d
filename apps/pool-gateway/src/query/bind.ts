import type { ProblemError } from '@ultracore/service';
import type { ParameterValue, TenantPool } from '@ultracore/tenant-pool';
import { needsTypes, toParameters } from '../result/parameters.ts';
import { toProblemError } from './problems.ts';

const NONE: readonly unknown[] = [];

interface Unbound {
  readonly sql: string;
  readonly params?: readonly unknown[] | undefined;
  /** `performance.now()` */
  readonly deadline: number;
}

/**
 * Turns the values of a call into what the wire takes: at once where they alone say how, otherwise after the types were asked of the
 * server. Exactly one of the two is called. Nothing has run when it failed, whatever the statement is.
 */
export function bindParameters(
  pool: Pick<TenantPool, 'describe'>,
  { sql, params = NONE, deadline }: Unbound,
  bound: (values: readonly ParameterValue[]) => void,
  failed: (problem: ProblemError) => void,
): void {
  const refuse = (error: unknown): void => failed(toProblemError(error, { reads: true }));
  if (!needsTypes(params)) {
    let values: readonly ParameterValue[];
    try {
      values = toParameters(params);
    } catch (error) {
      return refuse(error);
    }
    return bound(values);
  }
  pool
    .describe(sql, { deadline })
    .then((types) => toParameters(params, types))
    .then(bound, refuse);
}
