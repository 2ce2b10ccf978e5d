import { array, assert, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { chooseVictim, type Holding, nextGap, turnMs, type TurnRules } from '../src/scheduling/turns.ts';

const NOW = 10_000;
const holding = (change: Partial<Holding>): Holding => ({
  held: 1,
  idle: false,
  idleSince: 0,
  taken: false,
  lastUsed: 9_999,
  openedAt: 0,
  inFlight: 1,
  headSince: 9_990,
  gapMs: 1,
  ...change,
});
/** Without use for so long by now, and usually for longer. */
const idle = (idleMs: number, change: Partial<Holding> = {}): Holding =>
  holding({ idle: true, inFlight: 0, idleSince: NOW - idleMs, lastUsed: NOW - idleMs, gapMs: idleMs, ...change });
const rules: TurnRules = {
  now: NOW,
  share: 2,
  entitled: true,
  patient: true,
  mayInterrupt: true,
  staleAfterMs: 5_000,
  tenureMs: 100,
  turnMs: 400,
  switchMs: 10,
};
/** More tenants than connections. */
const scarce: TurnRules = { ...rules, share: 0.5 };

describe('who gives way', () => {
  it('is the idle connection that nobody has used for longest, before any other', () => {
    const oldest = idle(9_000);
    const others = [holding({ held: 9 }), idle(8_000), idle(100, { held: 9 })];
    expect(chooseVictim([...others, oldest], rules)).toBe(oldest);
    expect(chooseVictim([...others, oldest], { ...rules, entitled: false })).toBe(oldest);
  });

  it('is no one in use when the one who waits has its share already', () => {
    const fresh = [idle(1_000), idle(1_000, { held: 9 }), holding({ held: 9 })];
    expect(chooseVictim(fresh, { ...rules, entitled: false })).toBeUndefined();
  });

  it('is of the tenant furthest above its share, before one that a quiet tenant has but does not use at this moment', () => {
    const quiet = idle(1_000);
    const victim = holding({ held: 5 });
    const others = [holding({ held: 3 }), holding({ held: 5, inFlight: 2 })];
    expect(chooseVictim([quiet, ...others, victim], rules)).toBe(victim);
    const idleOne = idle(1, { held: 3 });
    expect(chooseVictim([quiet, victim, idleOne], rules)).toBe(idleOne);
  });

  it('is the quiet tenant’s rather than one that has long been at what it does, or has only just been opened', () => {
    const quiet = idle(1_000);
    const long = holding({ held: 5, headSince: 5_000 });
    expect(chooseVictim([long, quiet], rules)).toBe(quiet);
    expect(chooseVictim([holding({ held: 5, openedAt: 9_950 }), quiet], rules)).toBe(quiet);
    expect(chooseVictim([long], rules)).toBe(long);
  });

  it('is none of those who hold no more than their share and use it, and none that was asked already', () => {
    const all = [holding({ held: 2 }), holding({}), holding({ held: 5, taken: true })];
    expect(chooseVictim(all, rules)).toBeUndefined();
  });
});

describe('when there are more tenants than connections', () => {
  it('a connection that is idle for a moment is left to its tenant, until opening another would not have taken longer', () => {
    expect(chooseVictim([idle(9, { gapMs: 9_000, openedAt: 9_900 })], scarce)).toBeUndefined();
    const left = idle(11, { gapMs: 9_000, openedAt: 9_900 });
    expect(chooseVictim([left], scarce)).toBe(left);
  });

  it('who comes back several times in a turn keeps its connection for the turn, and no longer', () => {
    expect(chooseVictim([idle(50, { openedAt: 9_700 })], scarce)).toBeUndefined();
    const over = idle(50, { openedAt: 9_600 });
    expect(chooseVictim([over], scarce)).toBe(over);
    const seldom = idle(50, { openedAt: 9_700, gapMs: 101 });
    expect(chooseVictim([over, seldom], scarce), 'whoever is likely to be away for longer gives way first').toBe(seldom);
  });

  it('a busy tenant keeps its connection for its turn, and beyond it until somebody has waited for as long', () => {
    const over = holding({ openedAt: 9_600 });
    expect(chooseVictim([holding({ openedAt: 9_601 })], scarce)).toBeUndefined();
    expect(chooseVictim([over], { ...scarce, patient: false })).toBeUndefined();
    expect(chooseVictim([over], { ...scarce, mayInterrupt: false })).toBeUndefined();
    expect(chooseVictim([over], scarce)).toBe(over);
    const longer = holding({ openedAt: 9_000 });
    expect(chooseVictim([over, longer], scarce), 'the longest turn ends first').toBe(longer);
    expect(chooseVictim([longer, idle(20, { gapMs: 9_000 })], scarce)).not.toBe(longer);
  });
});

describe('a turn', () => {
  it('grows with the time that it takes to open all connections of the budget', () => {
    const bounds = { least: 100, most: 1_000 };
    expect([2, 20, 100].map((budget) => turnMs(budget, 8, bounds))).toEqual([100, 160, 800]);
    expect(turnMs(1_000, 8, bounds)).toBe(1_000);
  });

  it('is judged by what a tenant does between its requests', () => {
    expect(nextGap(Number.POSITIVE_INFINITY, 40)).toBe(40);
    let gap = 1_000;
    for (let n = 0; n < 20; n++) gap = nextGap(gap, 0);
    expect(gap).toBeLessThan(1);
  });
});

interface Simulated {
  readonly tenants: number;
  readonly connections: number;
  /** Of each tenant, whether it always has work; otherwise it asks for something short each time that it has waited for its think time. */
  readonly thinkMs: readonly number[];
}

const SWITCH_MS = 10;

/** Turns as the budget of a server deals them, in steps of a millisecond: who had a connection for how long, and the longest wait of each for one. */
function simulate({ tenants, connections, thinkMs }: Simulated, forMs: number) {
  const turn = turnMs(connections, SWITCH_MS, { least: 100, most: 1_000 });
  interface Held extends Holding {
    readonly tenant: number;
    readonly readyAt: number;
  }
  let held: Held[] = [];
  const had = Array.from({ length: tenants }, () => 0);
  const longest = Array.from({ length: tenants }, () => 0);
  const nextAsk = Array.from({ length: tenants }, () => 0);
  const line: { tenant: number; since: number }[] = [];
  let most = 0;
  for (let now = 0; now < forMs; now++) {
    for (let tenant = 0; tenant < tenants; tenant++) {
      const slot = held.find((each) => each.tenant === tenant);
      const asks = (nextAsk[tenant] ?? 0) <= now;
      if (slot === undefined) {
        if (asks && !line.some((each) => each.tenant === tenant)) line.push({ tenant, since: now });
        continue;
      }
      if (slot.readyAt > now) continue;
      had[tenant] = (had[tenant] ?? 0) + 1;
      if (asks) nextAsk[tenant] = now + (thinkMs[tenant] ?? 0);
    }
    const slots = held.map((slot): Held => {
      const think = thinkMs[slot.tenant] ?? 0;
      const isIdle = slot.readyAt <= now && think > 0;
      const idleSince = (nextAsk[slot.tenant] ?? 0) - think;
      return {
        ...slot,
        taken: slot.readyAt > now,
        idle: isIdle,
        idleSince,
        lastUsed: idleSince,
        headSince: now - 1,
        gapMs: think,
      };
    });
    const underWay = slots.filter(({ taken }) => taken).length;
    const first = line[0];
    if (first !== undefined && underWay < 4) {
      const demand = new Set([...held.map(({ tenant }) => tenant), ...line.map(({ tenant }) => tenant)]).size;
      const share = demand < connections ? Number.POSITIVE_INFINITY : connections / demand;
      const choice = { now, share, entitled: true, patient: now - first.since >= turn, mayInterrupt: underWay < 2 };
      const victim =
        held.length < connections
          ? undefined
          : chooseVictim(slots, { ...choice, staleAfterMs: 5_000, tenureMs: 100, turnMs: turn, switchMs: SWITCH_MS });
      if (held.length < connections || victim !== undefined) {
        line.shift();
        held = held.filter(({ tenant }) => tenant !== victim?.tenant);
        const readyAt = now + SWITCH_MS;
        held.push({ ...holding({ openedAt: readyAt }), tenant: first.tenant, readyAt });
        longest[first.tenant] = Math.max(longest[first.tenant] ?? 0, readyAt - first.since);
      }
    }
    most = Math.max(most, held.length);
  }
  return { turn, had, longest, most, waiting: line.map(({ since }) => forMs - since) };
}

describe('turns, dealt for a while', () => {
  it('starve nobody: among n equal tenants each waits for no more than the turns of all others, and has as much time as another', () => {
    assert(
      property(integer({ min: 1, max: 8 }), integer({ min: 1, max: 16 }), (connections, more) => {
        const tenants = connections + more;
        const thinkMs = Array.from({ length: tenants }, () => 0);
        const { had, longest, most, turn, waiting } = simulate({ tenants, connections, thinkMs }, 12_000);
        const round = Math.ceil(tenants / connections) * (turn + connections * SWITCH_MS) + turn;
        expect(most).toBeLessThanOrEqual(connections);
        expect(Math.max(...longest, ...waiting)).toBeLessThanOrEqual(round);
        expect(Math.max(...had) - Math.min(...had)).toBeLessThanOrEqual(3 * (turn + connections * SWITCH_MS));
      }),
      { numRuns: 10 },
    );
  });

  it('starve nobody in mixtures of tenants that always have work and tenants that ask now and then', () => {
    const mixture = record({
      connections: integer({ min: 1, max: 6 }),
      thinkMs: array(integer({ min: 0, max: 300 }), { minLength: 7, maxLength: 14 }),
    });
    assert(
      property(mixture, ({ connections, thinkMs }) => {
        const tenants = thinkMs.length;
        const { longest, most, turn, waiting } = simulate({ tenants, connections, thinkMs }, 8_000);
        expect(most).toBeLessThanOrEqual(connections);
        const round = Math.ceil(tenants / connections) * (turn + connections * SWITCH_MS) + turn;
        expect(Math.max(...longest, ...waiting)).toBeLessThanOrEqual(round);
      }),
      { numRuns: 10 },
    );
  });

  it('leave a connection to those who use it much, when those who use it little are enough to make room', () => {
    const thinkMs = [1, 1, ...Array.from({ length: 8 }, () => 900)];
    const { had } = simulate({ tenants: 10, connections: 4, thinkMs }, 10_000);
    expect(Math.min(had[0] ?? 0, had[1] ?? 0)).toBeGreaterThan(9_000);
    expect(Math.min(...had)).toBeGreaterThan(0);
  });
});
