import type { ParameterValue, TenantPool } from '@ultracore/tenant-pool';
import { needsTypes, toParameters } from '../result/parameters.ts';

const NONE: readonly unknown[] = [];

interface Unbound {
  readonly sql: string;
  readonly params?: readonly unknown[] | undefined;
  /** `performance.now()` */
  readonly deadline: number;
}

/**
 * Turns the values of a call into what the wire takes: at once where they alone say how, otherwise after the types were asked of the
 * server. Exactly one of the two is called.
 */
export function bindParameters(
  pool: Pick<TenantPool, 'describe'>,
  { sql, params = NONE, deadline }: Unbound,
  bound: (values: readonly ParameterValue[]) => void,
  failed: (error: unknown) => void,
): void {
  if (!needsTypes(params)) {
    let values: readonly ParameterValue[];
    try {
      values = toParameters(params);
    } catch (error) {
      return failed(error);
    }
    return bound(values);
  }
  pool
    .describe(sql, { deadline })
    .then((types) => toParameters(params, types))
    .then(bound, failed);
}
