/** Which methods each path answers to, so that a wrong method can be told from a wrong path. */
export interface RoutesByPath {
  add(pattern: string, methods: readonly string[]): void;
  /** Methods that a path (without query) answers to, sorted; empty when no route matches it. */
  methodsOf(path: string): string[];
}

export function createRoutesByPath(): RoutesByPath {
  const routes = new Map<string, { segments: string[]; methods: Set<string> }>();
  return {
    add(pattern, methods) {
      const route = routes.get(pattern) ?? { segments: pattern.split('/'), methods: new Set() };
      for (const method of methods) route.methods.add(method);
      routes.set(pattern, route);
    },
    methodsOf(path) {
      const segments = path.split('/');
      const found = new Set<string>();
      for (const route of routes.values()) {
        if (matches(route.segments, segments)) for (const method of route.methods) found.add(method);
      }
      return [...found].sort();
    },
  };
}

/** Patterns of Fastify: `:name` stands for one segment that is not empty, `*` for all that follow. */
function matches(pattern: readonly string[], path: readonly string[]): boolean {
  for (const [index, segment] of pattern.entries()) {
    if (segment === '*') return true;
    const given = path[index];
    if (given === undefined) return false;
    if (segment.startsWith(':') ? given === '' : segment !== given) return false;
  }
  return pattern.length === path.length;
}
