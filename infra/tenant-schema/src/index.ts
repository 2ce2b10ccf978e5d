import { fileURLToPath } from 'node:url';

/** Where the default migrations are: what `TENANT_MIGRATIONS_DIR` names unless it is set to another directory. */
export const MIGRATIONS_DIRECTORY: string = fileURLToPath(new URL('../migrations', import.meta.url));
