import { stockFingerprint, type Migration, type StockTier } from '@ultracore/tenant-database';
import { upTo } from '../effects/known-version.ts';

/** What homes in stock are made of, and how those are known. */
export interface Recipe {
  readonly migrations: readonly Migration[];
  readonly fingerprint: string;
}
export type Recipes = Readonly<Record<StockTier, Recipe>>;

/** Up to a version, or all of the migrations for null; undefined for a version that is not known here. */
export type RecipeOf = (version: string | null) => Recipe | undefined;

export function createRecipes(migrations: readonly Migration[]): { readonly recipeOf: RecipeOf; readonly whole: Recipe } {
  const recipe = (some: readonly Migration[]): Recipe => ({ migrations: some, fingerprint: stockFingerprint(some) });
  const whole = recipe(migrations);
  const made = new Map<string | null, Recipe>([[null, whole]]);
  return {
    whole,
    recipeOf(version) {
      const known = made.get(version);
      if (known !== undefined || version === null || migrations.every((each) => each.version !== version)) return known;
      const some = recipe(upTo(migrations, version));
      made.set(version, some);
      return some;
    },
  };
}
