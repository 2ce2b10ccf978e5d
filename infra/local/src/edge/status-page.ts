import type { Route } from '../routes.ts';
import type { PartStatus } from './edge.ts';

/** The state of the stack for a person; a browser asks again every five seconds. */
export function statusPage(state: { ready: boolean; parts: readonly PartStatus[]; routes: readonly Route[] }): string {
  const rows = state.parts.map(
    (part) =>
      `<tr><td><i class="${part.state === 'running' ? 'up' : 'down'}"></i>${escape(part.name)}</td><td>${escape(part.state)}</td>` +
      `<td>${escape(part.address)}</td><td>${part.pid ?? ''}</td><td>${part.restarts === 0 ? '' : part.restarts}</td></tr>`,
  );
  const routes = state.routes.map(
    (route) => `<tr><td><code>${escape(route.prefix)}</code></td><td>${escape(route.app)}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="refresh" content="5">
<title>UltraCore, local stack</title>
<style>
  :root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
  body { max-width: 54rem; margin: 3rem auto; padding: 0 1.5rem; }
  h1 { font-size: 1.4rem; font-weight: 600; margin: 0; }
  p { margin: .25rem 0 2rem; opacity: .7; }
  table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; }
  th { text-align: left; font-weight: 500; opacity: .6; }
  th, td { padding: .4rem 1rem .4rem 0; border-bottom: 1px solid color-mix(in srgb, currentColor 15%, transparent); }
  i { display: inline-block; width: .55rem; height: .55rem; border-radius: 50%; margin-right: .6rem; }
  .up { background: #2da44e; } .down { background: #bf8700; }
</style>
<h1>UltraCore, local stack</h1>
<p>${state.ready ? 'Ready.' : 'Starting.'} Keys: <a href="/.well-known/jwks.json">/.well-known/jwks.json</a></p>
<table><tr><th>Part</th><th>State</th><th>Address</th><th>Pid</th><th>Restarts</th></tr>${rows.join('')}</table>
<table><tr><th>Path</th><th>App</th></tr>${routes.join('')}</table>
</html>
`;
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
