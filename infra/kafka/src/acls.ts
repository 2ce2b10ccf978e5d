import kafkajs from 'kafkajs';
import type { AclEntry, AclOperationTypes as AclOperationType, AclResourceTypes as AclResourceType, Admin } from 'kafkajs';
import { ACCESS, grantsOf, isPrincipal } from './access.ts';
import type { Grant, Principal } from './access.ts';

// kafkajs is CommonJS, and Node finds only some of its names: these come through the default export.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

/** Principal → the user it logs in to Kafka as. A principal that is not named gets no rights. */
export type Users = Readonly<Partial<Record<Principal, string>>>;

export const usersOf = (principals: Readonly<Record<string, { readonly username: string }>>): Users =>
  Object.fromEntries(Object.entries(principals).flatMap(([name, { username }]) => (isPrincipal(name) ? [[name, username]] : [])));

export const ownNames = (): Users => Object.fromEntries(Object.keys(ACCESS).map((name) => [name, name]));

const RESOURCES = {
  topic: AclResourceTypes.TOPIC,
  group: AclResourceTypes.GROUP,
  transactional_id: AclResourceTypes.TRANSACTIONAL_ID,
} as const satisfies Record<Grant['resource'], AclResourceType>;

const OPERATIONS = {
  read: AclOperationTypes.READ,
  write: AclOperationTypes.WRITE,
  describe: AclOperationTypes.DESCRIBE,
  delete: AclOperationTypes.DELETE,
} as const satisfies Record<Grant['operation'], AclOperationType>;

const entriesOf = (principal: Principal, user: string): AclEntry[] =>
  grantsOf(principal).map(({ resource, name, isPrefix, operation }) => ({
    resourceType: RESOURCES[resource],
    resourceName: name,
    resourcePatternType: isPrefix ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    principal: `User:${user}`,
    host: '*',
    operation: OPERATIONS[operation],
    permissionType: AclPermissionTypes.ALLOW,
  }));

const keyOf = (entry: AclEntry): string =>
  [
    entry.resourceType,
    entry.resourcePatternType,
    entry.resourceName,
    entry.principal,
    entry.host,
    entry.operation,
    entry.permissionType,
  ].join(' ');

const currentEntries = async (admin: Admin): Promise<readonly AclEntry[]> => {
  const { resources } = await admin.describeAcls({
    resourceType: AclResourceTypes.ANY,
    resourcePatternType: ResourcePatternTypes.ANY,
    operation: AclOperationTypes.ANY,
    permissionType: AclPermissionTypes.ANY,
  });
  return resources.flatMap(({ resourceType, resourceName, resourcePatternType, acls }) =>
    acls.map((acl) => ({ resourceType, resourceName, resourcePatternType, ...acl })),
  );
};

/**
 * Makes the rights of the users exactly what the table says: grants what is missing, and takes back what they have beyond it. The
 * rights of others are left alone.
 */
export const ensureAcls = async (admin: Admin, users: Users): Promise<{ granted: number; revoked: number }> => {
  const named = Object.entries(users).flatMap(([name, user]) => (isPrincipal(name) ? [{ name, user }] : []));
  const wanted = new Map(named.flatMap(({ name, user }) => entriesOf(name, user)).map((entry) => [keyOf(entry), entry]));
  const ours = new Set(named.map(({ user }) => `User:${user}`));
  const current = new Map(
    (await currentEntries(admin)).filter(({ principal }) => ours.has(principal)).map((entry) => [keyOf(entry), entry]),
  );
  const missing = [...wanted].filter(([key]) => !current.has(key)).map(([, entry]) => entry);
  const surplus = [...current].filter(([key]) => !wanted.has(key)).map(([, entry]) => entry);
  if (missing.length > 0) await admin.createAcls({ acl: missing });
  if (surplus.length > 0) await admin.deleteAcls({ filters: surplus });
  return { granted: missing.length, revoked: surplus.length };
};
