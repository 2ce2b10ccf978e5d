import { homeNames, listHomes, SHARED_DATABASE } from '@ultracore/tenant-database';
import type { Pool } from 'pg';
import { survey, type Survey } from '../provisioning/survey.ts';
import { readRequests, readTenantsOf, reopenForUndo } from '../store/survey.ts';
import type { PostgresServer } from './server.ts';
import type { Logger } from './under-lease.ts';

/** Objects named in one log line; the numbers are of all. */
const NAMED_AT_MOST = 20;

/**
 * Compares one server's catalogs with what the directory wants of it. Reports what is missing and what is there without a
 * reason; has undone again what a request left behind that ended without a home, and touches nothing else.
 */
export async function surveyServer({ pool, logger }: { pool: Pool; logger: Logger }, server: PostgresServer): Promise<Survey> {
  const found = await listObjects(server);
  const requestIds = [...new Set(found.flatMap(({ requestId }) => requestId ?? []))];
  // In this order: a request that is closed by now has its home in a row that is read after it.
  const requests = await readRequests(pool, requestIds);
  const tenants = await readTenantsOf(pool, server);
  const result = survey(found, tenants, requests, homeNames);
  report(logger, server, result);
  const leftOver = result.orphans.flatMap(({ why, object }) => (why === 'left_over' ? (object.requestId ?? []) : []));
  if (leftOver.length > 0) await reopenForUndo(pool, [...new Set(leftOver)]);
  return result;
}

async function listObjects(server: PostgresServer) {
  const connection = await server.connect(SHARED_DATABASE);
  try {
    return await listHomes(connection.client);
  } catch (error) {
    server.reportTrouble(error);
    throw error;
  } finally {
    await connection.giveBack();
  }
}

function report(logger: Logger, server: PostgresServer, { orphans, missing }: Survey): void {
  if (orphans.length > 0) {
    const objects = orphans.slice(0, NAMED_AT_MOST).map(({ object, why }) => `${object.kind} ${object.name} (${why})`);
    logger.warn({ server: server.name, orphans: orphans.length, objects }, 'there are objects of homes that nobody wants');
  }
  if (missing.length > 0) {
    const objects = missing.slice(0, NAMED_AT_MOST).map(({ kind, name }) => `${kind} ${name}`);
    logger.error({ server: server.name, missing: missing.length, objects }, 'parts of homes are missing');
  }
}
