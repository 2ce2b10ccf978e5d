import { messageByType, type DirectoryRow } from '@ultracore/contracts';
import { waitFor } from '@ultracore/testkit';
import type { Pool } from 'pg';
import { toldFacts, type ToldFact } from './told.ts';

/** Waits for a fact about a request, of one of these types. */
export function factOf(pool: Pool, { tenantId, requestId, types, deadlineMs = 20_000 }: FactSought): Promise<ToldFact> {
  return waitFor(
    async () =>
      (await toldFacts(pool, tenantId)).find(({ type, causationId }) => causationId === requestId && types.includes(type)),
    { what: `${types.join(' or ')} of ${tenantId}`, deadlineMs },
  );
}

interface FactSought {
  readonly tenantId: string;
  readonly requestId: string;
  readonly types: readonly string[];
  readonly deadlineMs?: number;
}

/** The credential of a fact that carries one, as the directory shows it. */
export function credentialOf(fact: ToldFact): NonNullable<DirectoryRow['credential']> {
  const body = schemaOf(fact.type).parse(fact.body);
  return {
    request_id: fact.causationId,
    db_username: body.db_username,
    db_password_encrypted: body.db_password_encrypted,
    readonly_db_username: body.readonly_db_username,
    readonly_db_password_encrypted: body.readonly_db_password_encrypted,
    encryption_algorithm: body.encryption_algorithm,
    key_id: body.key_id,
  };
}

function schemaOf(type: string) {
  switch (type) {
    case 'TenantPasswordRotatedEvent':
      return messageByType('TenantPasswordRotatedEvent').schema;
    case 'TenantCredentialsResealedEvent':
      return messageByType('TenantCredentialsResealedEvent').schema;
    default:
      return messageByType('TenantCredentialsIssuedEvent').schema;
  }
}
