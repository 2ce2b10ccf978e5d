import { catalogFunctionsOf, mergeCatalogFunctions, writeCatalogFunctions } from './catalog-functions.ts';

/** `node scripts/generate-catalog-functions.ts <url of a server>…`, one of each version that tenants may live on. */
const urls = process.argv.slice(2);
if (urls.length === 0) {
  console.error(
    'Usage: node scripts/generate-catalog-functions.ts postgres://…  (one server of each version that tenants may live on)',
  );
  process.exitCode = 1;
} else {
  await writeCatalogFunctions(mergeCatalogFunctions(await Promise.all(urls.map(catalogFunctionsOf))));
}
