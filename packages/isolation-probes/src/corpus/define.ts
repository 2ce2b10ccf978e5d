import type { Category, Expectation, ExposureId, Probe } from '../probe.ts';

type ByTier = Probe['expect'];

/** `insufficient_privilege`: the refusal that isolation rests on. */
const DENIED = '42501';

/** Refused with 42501 or one of the codes. */
export const refused = (...codes: string[]): Expectation => ({ verdict: 'refused', codes: [DENIED, ...codes] });
/** Refused with one of the codes only. */
export const refusedOnlyAs = (...codes: string[]): Expectation => ({ verdict: 'refused', codes });
export const empty = (...codes: string[]): Expectation => ({ verdict: 'empty', codes });
export const harmless = (...codes: string[]): Expectation => ({ verdict: 'harmless', codes });
export const shown = (exposure: ExposureId, ...codes: string[]): Expectation => ({ verdict: 'shown', exposure, codes });

export const everywhere = (expectation: Expectation): ByTier => ({
  enterprise: expectation,
  standard: expectation,
  small: expectation,
});
export const inShared = (expectation: Expectation, enterprise?: Expectation): ByTier => ({
  standard: expectation,
  small: expectation,
  ...(enterprise === undefined ? {} : { enterprise }),
});
export const inSmall = (small: Expectation, others?: Expectation): ByTier => ({
  small,
  ...(others === undefined ? {} : { standard: others, enterprise: others }),
});
export const inEnterprise = (expectation: Expectation): ByTier => ({ enterprise: expectation });

type Rest = Partial<Omit<Probe, 'id' | 'category' | 'attempts' | 'steps' | 'expect'>>;
type Row = readonly [id: string, attempts: string, steps: string | readonly string[], expect: Expectation | ByTier, rest?: Rest];

/** The probes of one category from rows of data. */
export function probes(category: Category, rows: readonly Row[]): Probe[] {
  return rows.map(([id, attempts, steps, expect, rest]) => ({
    id,
    category,
    attempts,
    steps: typeof steps === 'string' ? [steps] : steps,
    expect: isExpectation(expect) ? everywhere(expect) : expect,
    ...rest,
  }));
}

const isExpectation = (expect: Expectation | ByTier): expect is Expectation => 'verdict' in expect;

/** What the guard of the gateway refuses by itself, before Postgres is asked. */
export const GUARDED: { readonly gateway: Expectation } = { gateway: { verdict: 'refused', codes: [] } };
