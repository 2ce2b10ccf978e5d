/** Versions are compared as texts, like the names of the files they come from: the worker runs migrations in that order. */
export const isAtLeast = (version: string, target: string): boolean => version >= target;
