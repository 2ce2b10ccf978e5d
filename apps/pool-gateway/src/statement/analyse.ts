import type { Visit } from './decision.ts';
import { DECISIONS } from './decisions.ts';
import type { RuleName } from './rules.ts';
import { isTreeNode, listField, SHAPES, type TreeNode } from './tree.ts';

export interface Finding {
  readonly rule: RuleName;
  /** Offset in the UTF-8 text, where the tree says one. */
  readonly byte: number | undefined;
}

/** What a statement is, whoever runs it and wherever. */
export interface Analysis {
  readonly kind: string;
  /** A query in which nothing was found that may change something or lock rows. */
  readonly reads: boolean;
  /** Each rule once, where it was met first. */
  readonly findings: readonly Finding[];
}

interface Step {
  readonly type: string;
  readonly node: TreeNode;
  readonly parent: string;
  /** Of the nearest node around it that has a place in the text. */
  readonly byte: number | undefined;
}

const READING: ReadonlySet<string> = new Set(['SelectStmt', 'VariableShowStmt', 'ExplainStmt']);

/**
 * Walks one statement's tree. Nothing is passed over: a node that no decision exists for, or a field that the grammar does not have, is an
 * `unknown_construct`. Takes no stack, however deep the tree.
 */
export function analyse(statement: unknown): Analysis {
  const walk = new Walk();
  walk.pushNamed(statement, 'RawStmt', undefined);
  const [top] = walk.stack;
  if (top === undefined) walk.hit('unknown_construct');
  const { type = '', node = {} } = top ?? {};
  walk.run();
  return {
    kind: kindOf(type, node),
    reads: READING.has(type) && !walk.changes,
    findings: [...walk.findings].map(([rule, byte]) => ({ rule, byte })),
  };
}

class Walk implements Visit {
  readonly findings = new Map<RuleName, number | undefined>();
  readonly stack: Step[] = [];
  changes = false;
  parent = '';
  #byte: number | undefined;

  hit(rule: RuleName): void {
    if (!this.findings.has(rule)) this.findings.set(rule, this.#byte);
  }

  writes(): void {
    this.changes = true;
  }

  run(): void {
    for (let step = this.stack.pop(); step !== undefined; step = this.stack.pop()) {
      const { type, node, parent } = step;
      const location = node['location'];
      this.#byte = typeof location === 'number' && location >= 0 ? location : step.byte;
      this.parent = parent;
      const decision = DECISIONS.get(type);
      const shape = SHAPES.get(type);
      if (decision === undefined || decision === 'never' || shape === undefined) {
        this.hit('unknown_construct');
        continue;
      }
      if (decision !== 'plain') decision(node, this);
      // What is pushed last is walked first: findings come in the order of the text.
      const names = Object.keys(node);
      for (let index = names.length - 1; index >= 0; index--) {
        const name = names[index] ?? '';
        this.#pushField(shape.get(name), node[name], type);
      }
    }
  }

  /** `{ "SelectStmt": { … } }`: a node that names its type. */
  pushNamed(value: unknown, parent: string, byte: number | undefined): void {
    if (!isTreeNode(value)) return this.hit('unknown_construct');
    const [type, ...more] = Object.keys(value);
    // An absent member of a list is an empty object.
    if (type === undefined) return undefined;
    const node = value[type];
    if (more.length > 0 || !isTreeNode(node)) return this.hit('unknown_construct');
    this.stack.push({ type, node, parent, byte });
    return undefined;
  }

  #pushField(shape: string | undefined, value: unknown, parent: string): void {
    if (shape === 'value') {
      if (typeof value === 'object') this.hit('unknown_construct');
    } else if (Array.isArray(value)) {
      for (let index = value.length - 1; index >= 0; index--) this.#pushField(shape, value[index], parent);
    } else if (shape === 'node') {
      this.pushNamed(value, parent, this.#byte);
    } else if (shape !== undefined && isTreeNode(value)) {
      this.stack.push({ type: shape, node: value, parent, byte: this.#byte });
    } else {
      this.hit('unknown_construct');
    }
  }
}

/** `CreateTableAsStmt` → create_table_as. */
function kindOf(type: string, node: TreeNode): string {
  if (type === 'SelectStmt' && listField(node, 'valuesLists').length > 0) return 'values';
  return type
    .replace(/Stmt$/, '')
    .replace(/(?<=[a-z])(?=[A-Z])/g, '_')
    .toLowerCase();
}
