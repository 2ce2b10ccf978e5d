import { ATTACKS_BY_BYTES } from './attacks-by-bytes.ts';
import { ATTACKS_BY_TOKEN } from './attacks-by-token.ts';
import { ATTACKS_ON_PATHS } from './attacks-on-paths.ts';
import type { HttpProbe } from './http-probe.ts';

/** Attacks on who a request is for, rather than on what its SQL does. */
export const HTTP_PROBES: readonly HttpProbe[] = [...ATTACKS_ON_PATHS, ...ATTACKS_BY_TOKEN, ...ATTACKS_BY_BYTES];
