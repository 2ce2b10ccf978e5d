/** A service of the platform as the launcher runs it: `node apps/<name>/src/main.ts`. */
export interface ServiceSpec {
  name: string;
}

/** In the order in which they are started. */
export const SERVICES: readonly ServiceSpec[] = [{ name: 'registry' }, { name: 'provisioning-worker' }];
