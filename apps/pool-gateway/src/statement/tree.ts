import grammar from './grammar.json' with { type: 'json' };

/** A node of the parser's tree: its fields as the grammar names them. */
export type TreeNode = Readonly<Record<string, unknown>>;

/** By node type and field: `node`, `value`, or the type of a node that stands there without its name. */
export const SHAPES: ReadonlyMap<string, ReadonlyMap<string, string>> = new Map(
  Object.entries<Readonly<Record<string, string>>>(grammar).map(([type, fields]) => [type, new Map(Object.entries(fields))]),
);

export function isTreeNode(value: unknown): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value of a field, never one of the prototype's. */
export function field(node: TreeNode, name: string): unknown {
  return Object.hasOwn(node, name) ? node[name] : undefined;
}

export function textField(node: TreeNode, name: string): string | undefined {
  const value = field(node, name);
  return typeof value === 'string' ? value : undefined;
}

/** `{ "String": { … } }` without its name, if that is the type. */
export function unwrapped(value: unknown, type: string): TreeNode | undefined {
  if (!isTreeNode(value)) return undefined;
  const inner = field(value, type);
  return isTreeNode(inner) ? inner : undefined;
}

export function listField(node: TreeNode, name: string): readonly unknown[] {
  const value = field(node, name);
  return Array.isArray(value) ? value : [];
}

/** The texts of a list of String nodes, what is none of them left out. */
export function namesField(node: TreeNode, name: string): string[] {
  return listField(node, name).flatMap((item) => {
    const text = unwrapped(item, 'String');
    return text === undefined ? [] : [textField(text, 'sval') ?? ''];
  });
}
