/**
 * Max-min fair share of `budget` among demands (water filling): the level at which every demand gets the smaller of itself and the level, and
 * all of the budget is given away. Infinity when every demand fits. Whoever holds no more than the level is never asked to give up anything.
 */
export function fairShare(budget: number, demands: readonly number[]): number {
  const ascending = [...demands].sort((a, b) => a - b);
  let left = budget;
  for (const [index, demand] of ascending.entries()) {
    const level = left / (ascending.length - index);
    if (demand > level) return level;
    left -= demand;
  }
  return Number.POSITIVE_INFINITY;
}
