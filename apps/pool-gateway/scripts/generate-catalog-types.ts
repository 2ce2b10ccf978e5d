import { catalogTypesOf, writeCatalogTypes } from './catalog-types.ts';

/** `node scripts/generate-catalog-types.ts <url of a server>`: of the newest version that tenants may live on, since OIDs are never given twice. */
const [url] = process.argv.slice(2);
if (url === undefined) {
  console.error('Usage: node scripts/generate-catalog-types.ts postgres://…');
  process.exitCode = 1;
} else {
  await writeCatalogTypes(await catalogTypesOf(url));
}
