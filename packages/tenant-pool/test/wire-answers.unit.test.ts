import { array, assert as check, nat, property, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { brief, recordingSink } from './wire-outcome.ts';
import { firstRun, MAX_ROW, openSession, submit } from './wire-played-session.ts';
import { server } from './wire-server-messages.ts';

/** What a server answers to TEXTS, with everything in between that it may send at any time. */
const TEXTS = ['select a', 'broken', 'select a', 'update', 'copy out', '', 'select big', 'select a', 'fails late'];
const ANSWERS = Buffer.concat([
  server.notice('before all'),
  firstRun(
    server.columns('a', 'ü'),
    server.row('1', null),
    server.notification(),
    server.row('', 'žluť'),
    server.done('SELECT 2'),
    server.ready(),
  ),
  server.error('42601', 'syntax'),
  server.ready(),
  server.parameters(),
  server.columns('a', 'ü'),
  server.bound(),
  server.status('TimeZone', 'UTC'),
  server.row('2', 'x'),
  server.done('SELECT 1'),
  server.ready(),
  firstRun(server.noColumns(), server.notice('within'), server.done('UPDATE 7'), server.ready()),
  firstRun(
    server.noColumns(),
    server.copyOut(),
    server.copyData('one'),
    server.copyData('two'),
    server.copyDone(),
    server.done('COPY 2'),
    server.ready(),
  ),
  firstRun(server.noColumns(), server.empty(), server.ready()),
  firstRun(
    server.columns('b'),
    server.row('x'.repeat(MAX_ROW + 1)),
    server.row('small'),
    server.done('SELECT 2'),
    server.ready(),
  ),
  server.parameters(),
  server.columns('a', 'ü'),
  server.bound(),
  server.row('3', 'y'),
  server.done('SELECT 1'),
  server.ready(),
  firstRun(server.columns('c'), server.row('seen'), server.error('22012', 'division'), server.ready()),
  server.notice('after all'),
]);
const EXPECTED = [
  {
    rows: [
      ['1', null],
      ['', 'žluť'],
    ],
    tag: 'SELECT 2',
  },
  '42601',
  { rows: [['2', 'x']], tag: 'SELECT 1' },
  { rows: [], tag: 'UPDATE 7' },
  'bad_statement',
  { rows: [], tag: '' },
  'message_too_large',
  { rows: [['3', 'y']], tag: 'SELECT 1' },
  '22012',
];

/** What becomes of TEXTS when ANSWERS come cut at these places. */
function play(cuts: readonly number[]): unknown {
  const { session, receive } = openSession(10);
  const outcomes = TEXTS.map((text) => submit(session, text));
  session.flush();
  let from = 0;
  for (const cut of [...cuts, ANSWERS.length]) {
    receive(ANSWERS.subarray(from, cut));
    from = cut;
  }
  const { state, inFlight } = session;
  return { told: outcomes.map(brief), ends: outcomes.map((outcome) => outcome.ends), state, inFlight };
}

const PLAYED = { told: EXPECTED, ends: EXPECTED.map(() => 1), state: 'ready', inFlight: 0 };

describe('the answers of a server', () => {
  it('are the same wherever the stream is cut in two', () => {
    for (let cut = 0; cut <= ANSWERS.length; cut++) expect(play([cut]), `cut at ${cut}`).toEqual(PLAYED);
  });

  it('are the same when they come byte by byte', () => {
    expect(play(Array.from({ length: ANSWERS.length }, (_, index) => index))).toEqual(PLAYED);
  });

  it('are the same however the stream is cut in many', () => {
    const cuts = array(nat(ANSWERS.length), { maxLength: 40 });
    check(
      property(cuts, (places) => {
        expect(play(places.toSorted((a, b) => a - b))).toEqual(PLAYED);
      }),
    );
  });

  it('end every statement exactly once wherever the connection breaks', () => {
    for (let cut = 0; cut <= ANSWERS.length; cut++) {
      const { session, receive, serverEnds } = openSession(10);
      const outcomes = TEXTS.map((text) => submit(session, text));
      session.flush();
      receive(ANSWERS.subarray(0, cut));
      serverEnds();
      expect(
        outcomes.every((outcome) => outcome.ends === 1),
        `cut at ${cut}`,
      ).toBe(true);
      const told = outcomes.map(brief);
      for (const [index, got] of told.entries()) expect([EXPECTED[index], 'connection_lost']).toContainEqual(got);
      expect(session.state).toBe('closed');
    }
  });
});

describe('bytes that no server sends', () => {
  const endsOf = (bytes: Buffer): number[] => {
    const { session, receive, serverEnds } = openSession(10);
    const outcomes = TEXTS.map((text) => submit(session, text));
    session.flush();
    receive(bytes);
    serverEnds();
    return outcomes.map((outcome) => outcome.ends);
  };
  const onceEach = TEXTS.map(() => 1);

  it('end every statement exactly once: one byte of a good answer is another', () => {
    check(
      property(nat(ANSWERS.length - 1), nat(255), (place, value) => {
        const bytes = Buffer.from(ANSWERS);
        bytes[place] = value;
        expect(endsOf(bytes)).toEqual(onceEach);
      }),
      { numRuns: 2_000 },
    );
  });

  it('end every statement exactly once: anything at all', () => {
    check(
      property(uint8Array({ maxLength: 200 }), nat(ANSWERS.length), (noise, place) => {
        expect(endsOf(Buffer.concat([ANSWERS.subarray(0, place), noise, ANSWERS.subarray(place)]))).toEqual(onceEach);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('an answer that does not fit the statement whose turn it is', () => {
  const row = server.row('of somebody else');
  it.each([
    ['a row before it is bound', row],
    ['a row of a statement without rows', Buffer.concat([firstRun(server.noColumns()), row])],
    ['a row behind the end', Buffer.concat([firstRun(server.columns('a'), server.done('SELECT 0')), row])],
    ['an end before it is bound', server.done('SELECT 0')],
    ['readiness before an end', Buffer.concat([firstRun(server.columns('a')), server.ready()])],
    ['two ends', Buffer.concat([firstRun(server.columns('a')), server.done('SELECT 0'), server.done('SELECT 0')])],
    ['readiness in an unknown state', Buffer.concat([firstRun(server.columns('a'), server.done('SELECT 0')), server.ready('X')])],
    ['a second login', server.authentication(0)],
    ['data of a COPY that is none', server.copyData('x')],
    ['a message of an impossible length', Buffer.from([0x44, 0, 0, 0, 3])],
    [
      'a description that is cut short',
      Buffer.concat([server.parsed(), server.parameters(), Buffer.from([0x54, 0, 0, 0, 6, 0, 9])]),
    ],
  ])('ends the connection: %s', async (_what, bytes) => {
    const { session, receive, destroyed, serverEnds } = openSession();
    const mine = submit(session, 'select a');
    const neighbour = submit(session, 'select b');
    session.flush();
    receive(bytes);
    receive(server.ready());
    expect(destroyed()).toBe(true);
    expect(mine).toMatchObject({ rows: [], ends: 1, error: { code: 'connection_lost', started: true } });
    expect(neighbour).toMatchObject({ rows: [], ends: 1, error: { code: 'connection_lost', started: true } });
    serverEnds();
    expect((await session.closed)?.code).toBe('protocol_violation');
  });

  it('ends the connection when nothing was asked', () => {
    for (const bytes of [server.ready(), server.bound(), row, server.done('SELECT 1'), server.error('42601', 'not fatal')]) {
      const { session, receive, destroyed } = openSession();
      receive(bytes);
      expect(destroyed() && session.state === 'closing').toBe(true);
    }
  });

  it('ends the connection when a sink throws, and the neighbours are told', () => {
    const { session, receive, destroyed } = openSession();
    const { sink } = recordingSink();
    session.execute(
      { text: 'select a', params: [] },
      {
        ...sink,
        row: () => {
          throw new Error('fault of a sink');
        },
      },
    );
    const neighbour = submit(session, 'select b');
    session.flush();
    receive(firstRun(server.columns('a'), server.row('1')));
    expect(destroyed()).toBe(true);
    expect(neighbour).toMatchObject({ ends: 1, error: { code: 'connection_lost' } });
  });
});
