/** Something of a tenant's that a purge found, with what was counted in it. */
export interface FoundObject {
  readonly kind: string;
  readonly name: string;
  readonly counted: Readonly<Record<string, number>>;
}

/**
 * What a purge has removed once it succeeds: what it found itself, and what earlier attempts found and it no longer did. Of what several
 * found it is told what the most was that any counted: nothing is added to a tenant whose logins are closed, and nothing is told twice.
 */
export function foundByAll(attempts: readonly (readonly FoundObject[])[]): FoundObject[] {
  const all = new Map<string, FoundObject>();
  for (const object of attempts.flat()) {
    const key = `${object.kind} ${object.name}`;
    const known = all.get(key);
    all.set(key, known === undefined ? object : { ...known, counted: most(known.counted, object.counted) });
  }
  return [...all.values()];
}

function most(one: FoundObject['counted'], other: FoundObject['counted']): FoundObject['counted'] {
  const counted = { ...one };
  for (const [what, count] of Object.entries(other)) counted[what] = Math.max(count, counted[what] ?? 0);
  return counted;
}
