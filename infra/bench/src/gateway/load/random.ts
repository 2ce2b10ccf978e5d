/** Numbers from 0 up to 1 that are the same for the same seed (mulberry32): every contender gets the same sequence of requests. */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Shares of `count` tenants by rank, proportional to 1 ÷ rank, first the busiest; they sum to 1. */
export function zipfShares(count: number): number[] {
  const weights = Array.from({ length: count }, (_, index) => 1 / (index + 1));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** `length` draws of an index, each with the probability that `shares` gives it. */
export function drawIndexes(shares: readonly number[], length: number, random: () => number): Uint16Array {
  const ends: number[] = [];
  let sum = 0;
  for (const share of shares) ends.push((sum += share));
  return Uint16Array.from({ length }, () => {
    const at = random() * sum;
    const index = ends.findIndex((end) => at < end);
    return index < 0 ? shares.length - 1 : index;
  });
}
