import { parseArgs } from 'node:util';
import { catalogIncompatibilities } from '../src/compatibility.ts';
import { SCHEMA_DIRECTORY, committedCatalog, currentCatalog, drift, writeCatalog } from './schema-files.ts';

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, breaking: { type: 'boolean', default: false } },
});

const check = async (): Promise<readonly string[]> => {
  const committed = await committedCatalog(SCHEMA_DIRECTORY);
  const current = currentCatalog();
  return [...catalogIncompatibilities(committed, current), ...drift(committed, current)];
};

const faults = values.check
  ? await check()
  : await writeCatalog(SCHEMA_DIRECTORY, currentCatalog(), { breaking: values.breaking });

for (const fault of faults) console.error(fault);
if (faults.length > 0) {
  console.error(
    values.check
      ? 'Run `npm run generate` and commit what it writes.'
      : 'Nothing was written. Make the change compatible, or give it a name of its own beside the old one.',
  );
  process.exitCode = 1;
}
