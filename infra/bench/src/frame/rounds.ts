/** Measures one variant once and answers with the figure. */
export type Variant = (round: number) => Promise<number>;

export interface RoundsOptions {
  /** Measured rounds. */
  rounds: number;
  /** Rounds before them whose figures are thrown away. Default 1. */
  warmUp?: number;
  onFigure?: (name: string, round: number, figure: number) => void;
}

/**
 * Measures all variants once in each round, the order reversed from round to round, so that what drifts (caches, heat, neighbours)
 * touches all alike. Figures of one round may be compared with each other.
 */
export async function alternate<Name extends string>(
  variants: Readonly<Record<Name, Variant>>,
  { rounds, warmUp = 1, onFigure }: RoundsOptions,
): Promise<Record<Name, number[]>> {
  const names = namesOf(variants);
  const figures = new Map<Name, number[]>(names.map((name) => [name, []]));
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const figure = await variants[name](round);
      if (round < 0) continue;
      figures.get(name)?.push(figure);
      onFigure?.(name, round, figure);
    }
  }
  return fromEntries(figures);
}

/** `a / b`, round by round. */
export function ratios(a: readonly number[], b: readonly number[]): number[] {
  if (a.length !== b.length) throw new RangeError('Only figures of the same rounds can be compared.');
  return a.map((figure, round) => figure / (b[round] ?? Number.NaN));
}

function namesOf<Name extends string>(variants: Readonly<Record<Name, Variant>>): Name[] {
  const names: Name[] = [];
  for (const name in variants) if (Object.hasOwn(variants, name)) names.push(name);
  return names;
}

function fromEntries<Name extends string>(figures: ReadonlyMap<Name, number[]>): Record<Name, number[]> {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the map has an entry for every name
  return Object.fromEntries(figures) as Record<Name, number[]>;
}
