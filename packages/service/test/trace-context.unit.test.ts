import { describe, expect, it } from 'vitest';
import { acceptId, continueTrace } from '../src/trace-context.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';

describe('continueTrace', () => {
  it('keeps the trace and its flags and names a span of its own', () => {
    const continued = continueTrace(`00-${trace}-b7ad6b7169203331-01`);
    expect(continued).toMatch(new RegExp(`^00-${trace}-[0-9a-f]{16}-01$`));
    expect(continued).not.toContain('b7ad6b7169203331');
  });

  it.each([
    ['none', undefined],
    ['an all-zero trace', `00-${'0'.repeat(32)}-b7ad6b7169203331-01`],
    ['an all-zero parent', `00-${trace}-${'0'.repeat(16)}-01`],
    ['upper case', `00-${trace.toUpperCase()}-b7ad6b7169203331-01`],
    ['nonsense', 'x\r\ny'],
  ])('begins a new trace for %s', (_title, given) => {
    const begun = continueTrace(given);
    expect(begun).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    expect(begun).not.toContain(trace);
  });
});

describe('acceptId', () => {
  it('takes a short plain id and replaces anything else', () => {
    expect(acceptId('req-1.a:b_C')).toBe('req-1.a:b_C');
    for (const bad of ['', 'a b', 'a\nb', 'x'.repeat(129), ['a', 'b'], undefined])
      expect(acceptId(bad)).toMatch(/^[0-9a-f-]{36}$/);
  });
});
