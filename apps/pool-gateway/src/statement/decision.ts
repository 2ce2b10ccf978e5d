import type { RuleName } from './rules.ts';
import type { TreeNode } from './tree.ts';

/** What is said about a node. */
export interface Visit {
  hit(rule: RuleName): void;
  /** The statement may change something, lock rows, or do what is not known. */
  writes(): void;
  /** Type of the node that this one stands in; 'RawStmt' for the statement itself. */
  readonly parent: string;
}

/** `plain`: nothing to say but what its parts say. `never`: made by Postgres's analysis, not by its parser, so it must not occur. */
export type Decision = 'plain' | 'never' | ((node: TreeNode, visit: Visit) => void);
