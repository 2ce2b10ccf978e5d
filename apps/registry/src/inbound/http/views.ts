import { toRow, type TenantRow } from '../../tenant/row.ts';
import { isHoused, type ExistingTenant, type Request, type SchemaDrift } from '../../tenant/state.ts';
import type { TenantView } from './schemas.ts';

/** A tenant as a caller may see it. */
export function toView(state: ExistingTenant): TenantView {
  const { id, attempt, outcome, requestedAt } = state.provision;
  const { rotate, purge, migrate, verifyReplica } = state.requests;
  return {
    ...withoutSecrets(toRow(state)),
    revision: state.revision,
    life: state.life,
    provisioning: { request_id: id, attempt, outcome, requested_at: requestedAt },
    failure: state.status === 'failed' ? toFailure(state.failure) : null,
    migration_version: 'migrationVersion' in state ? state.migrationVersion : null,
    schema_drift: isHoused(state) ? toDrift(state.schemaDrift) : null,
    requests: {
      rotate: toRequest(rotate),
      purge: toRequest(purge),
      migrate: toRequest(migrate),
      verify_replica: toRequest(verifyReplica),
    },
    legal_hold: state.legalHold,
    activated_at: isHoused(state) ? state.activatedAt : null,
    suspended_at: state.status === 'suspended' ? state.suspendedAt : null,
    terminated_at: state.status === 'terminated' ? state.terminatedAt : null,
    purge_after: state.status === 'terminated' ? state.purgeAfter : null,
    purged_at: state.status === 'purged' ? state.purgedAt : null,
  };
}

const toRequest = (request: Request | null) =>
  request && { request_id: request.id, outcome: request.outcome, requested_at: request.requestedAt };

const toDrift = (drift: SchemaDrift | null): TenantView['schema_drift'] =>
  drift?.found
    ? {
        migration_version: drift.found.migrationVersion,
        detected_at: drift.found.detectedAt,
        difference_count: drift.found.differenceCount,
        differences: [...drift.found.differences],
      }
    : null;

const toFailure = ({ step, code, reason, failedAt }: { step: string; code: string; reason: string; failedAt: string }) => ({
  step,
  code,
  reason,
  failed_at: failedAt,
});

function withoutSecrets(row: TenantRow) {
  const { db_password_encrypted: _, readonly_db_password_encrypted: __, ...shown } = row;
  return shown;
}

/** The tenant's version for `If-Match`: facts do not move it, so it survives a provisioning that goes on meanwhile. */
export const etagOf = (state: ExistingTenant): string => `"${state.decidedRevision}"`;
