import { describeKills } from './support/crash-suite.ts';

/** Every eighth boundary from one that differs between runs; the soak test goes through all of them. */
const EVERY = 8;
const first = Number(process.env['ULTRACORE_TEST_SEED'] ?? Date.now()) % EVERY;

describeKills((boundaries) => boundaries.filter((_, index) => index % EVERY === first));
