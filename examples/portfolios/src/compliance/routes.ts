import type { HttpServer } from '@ultracore/service';
import { z } from 'zod';

const complianceCase = z.object({
  case_number: z.string(),
  kind: z.string(),
  severity: z.string(),
  title: z.string(),
  overdue: z.boolean(),
  opened_at: z.string(),
});

/** What a compliance team would write: what has to be looked into. */
export const addComplianceRoutes = (server: HttpServer): void => {
  server.get(
    '/v1/compliance/cases',
    { schema: { response: { 200: z.object({ cases: z.array(complianceCase) }) } } },
    async ({ database }) => ({
      cases: await database.query(complianceCase, {
        sql: `select case_number, kind, severity, title, overdue, opened_at::text
                from open_compliance_cases order by opened_at, case_number limit 500`,
      }),
    }),
  );
};
