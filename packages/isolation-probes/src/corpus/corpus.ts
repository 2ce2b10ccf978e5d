import type { Probe } from '../probe.ts';
import { BACKEND_STATE } from './backend-state.ts';
import { CATALOGS } from './catalogs.ts';
import { CONTEXT_ESCAPE } from './context-escape.ts';
import { DENIAL_OF_SERVICE } from './denial-of-service.ts';
import { OTHER_DATABASES } from './other-databases.ts';
import { OWN_RIGHTS } from './own-rights.ts';
import { ROW_READING } from './row-reading.ts';
import { ROW_UNDERMINING } from './row-undermining.ts';
import { ROW_WRITING } from './row-writing.ts';

/** Every attack that is SQL. Those on the gateway's HTTP are `HTTP_PROBES`. */
export const PROBES: readonly Probe[] = [
  ...CONTEXT_ESCAPE,
  ...ROW_READING,
  ...ROW_WRITING,
  ...ROW_UNDERMINING,
  ...BACKEND_STATE,
  ...CATALOGS,
  ...OTHER_DATABASES,
  ...DENIAL_OF_SERVICE,
  ...OWN_RIGHTS,
];
