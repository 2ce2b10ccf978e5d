import { ProblemError, type Principal } from '@ultracore/service';
import type { ExistingTenant } from '../../tenant/state.ts';
import { notFound } from './problems.ts';

const MAX_ACTOR = 255;

/** The subject and address are the issuer's, of any form; what goes into a stream must be an actor of the contract, or it stops the relay. */
const toActor = (name: string): string =>
  name
    .slice(0, MAX_ACTOR)
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029]/gu, '\uFFFD');

/** Who is named in the history for what this caller does. */
export const actorOf = (principal: Principal): string => toActor(principal.subject);

/** Who is named as creator by a request that names nobody. */
export const creatorOf = (principal: Principal): string => toActor(principal.email || principal.subject);

const selfService = (principal: Principal): boolean => !principal.roles.includes('operator');

const sameAddress = (a: string, b: string | undefined): boolean => a.toLowerCase() === b?.toLowerCase();

/**
 * Who may be named as creator and owner. Somebody who creates for himself (role `creator`) owns what he creates, by the address that the
 * token proves, and creates as himself. Throws a `ProblemError` 403.
 */
export function checkCreation(principal: Principal, body: { owner_email: string; created_by?: string | undefined }): void {
  if (!selfService(principal)) return;
  if (!sameAddress(body.owner_email, principal.email)) {
    throw new ProblemError({
      status: 403,
      code: 'owner_not_caller',
      detail: 'With the role creator, owner_email must be the address that your token proves.',
      field: 'owner_email',
    });
  }
  const { created_by: createdBy } = body;
  if (createdBy !== undefined && createdBy !== principal.subject && !sameAddress(createdBy, principal.email)) {
    throw new ProblemError({
      status: 403,
      code: 'creator_not_caller',
      detail: 'With the role creator, created_by can only be yourself.',
      field: 'created_by',
    });
  }
}

/** Operators and auditors read every tenant; a creator those that its address owns. To others they do not exist. */
export function checkReading(principal: Principal, tenant: ExistingTenant): void {
  if (principal.roles.includes('operator') || principal.roles.includes('auditor')) return;
  if (!sameAddress(tenant.ownerEmail, principal.email)) throw notFound();
}
