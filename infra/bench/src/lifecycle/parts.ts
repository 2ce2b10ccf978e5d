/** Parts of the bench, in order. */
export const LIFECYCLE_PARTS = 'database,latency,burst';
