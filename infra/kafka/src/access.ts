import { FACT_APPS, TOPICS, dlqOf } from '@ultracore/contracts';

/** What one principal may do. What is not here is denied. */
export interface Access {
  /** Topics it may write to. */
  readonly writes: readonly string[];
  /** Topics it may read, as a member of the groups below. Of each it may write the `.dlq`. */
  readonly reads: readonly string[];
  /** Whether it may publish in transactions. */
  readonly transactions: boolean;
}

const { lifecycle, config, security, resources, requests, directory } = TOPICS;
const facts = FACT_APPS.map((app) => TOPICS.facts(app));

/**
 * Who may read and write which topic: the whole of the platform's rights in Kafka. The names of groups and of transactional ids
 * begin with the principal's own.
 */
export const ACCESS = {
  registry: {
    writes: [lifecycle, config, security, resources, requests, directory],
    reads: [requests, resources, ...facts],
    transactions: true,
  },
  'provisioning-worker': {
    writes: [TOPICS.facts('provisioning-worker')],
    reads: [lifecycle, config, security, directory],
    transactions: false,
  },
  'pool-gateway': { writes: [resources], reads: [directory], transactions: false },
  'data-product': {
    writes: [TOPICS.facts('data-product')],
    reads: [lifecycle, config, security, resources, requests, directory, ...facts],
    transactions: false,
  },
  optimizer: { writes: [resources], reads: [directory, resources], transactions: false },
  predictor: { writes: [resources], reads: [directory, resources], transactions: false },
  /** Any other product: asks, and follows what becomes of it. Credentials and the directory are not for it. */
  producer: { writes: [requests], reads: [requests, lifecycle, config, resources], transactions: false },
} as const satisfies Record<string, Access>;

export type Principal = keyof typeof ACCESS;

export const isPrincipal = (name: string): name is Principal => Object.hasOwn(ACCESS, name);

export interface Grant {
  readonly resource: 'topic' | 'group' | 'transactional_id';
  readonly name: string;
  readonly isPrefix: boolean;
  readonly operation: 'read' | 'write' | 'describe' | 'delete';
}

/** The table's row as single grants. Read and write each include describe. */
export const grantsOf = (principal: Principal): readonly Grant[] => {
  const { writes, reads, transactions }: Access = ACCESS[principal];
  const topic = (name: string, operation: Grant['operation']): Grant => ({ resource: 'topic', name, isPrefix: false, operation });
  const own = (resource: Grant['resource'], operation: Grant['operation']): Grant => ({
    resource,
    name: principal,
    isPrefix: true,
    operation,
  });
  const written = new Set([...writes, ...reads.map(dlqOf)]);
  return [
    ...[...written].map((name) => topic(name, 'write')),
    ...reads.map((name) => topic(name, 'read')),
    ...(reads.length === 0 ? [] : [own('group', 'read'), own('group', 'delete')]),
    ...(transactions ? [own('transactional_id', 'write')] : []),
  ];
};
