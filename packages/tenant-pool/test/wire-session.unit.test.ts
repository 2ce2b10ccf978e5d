import { array, assert as check, nat, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Backend } from '../src/wire/backend.ts';
import { MessageReader } from '../src/wire/message-reader.ts';
import { Session } from '../src/wire/session.ts';
import type { Receiver, Transport } from '../src/wire/transport.ts';
import { brief, type Outcome, recordingSink, start } from './wire-outcome.ts';
import { server } from './wire-server-messages.ts';

const MAX_ROW = 1_000;

/** A session whose server is the test: what it sends is kept, what it is sent comes in the pieces that the test wants. */
function openSession(maxStatements = 2): {
  session: Session;
  receive: (bytes: Buffer) => void;
  sent: () => string;
  destroyed: () => boolean;
  serverEnds: () => void;
} {
  const written: Buffer[] = [];
  let destroyed = false;
  const nobody: Receiver = { receive: () => {}, ended: () => {} };
  const transport: Transport = {
    receiver: nobody,
    write: (bytes) => written.push(Buffer.from(bytes)) > 0,
    pause: () => {},
    resume: () => {},
    end: (bytes) => void written.push(Buffer.from(bytes)),
    destroy: () => {
      destroyed = true;
    },
  };
  const reader = new MessageReader({ message: () => {}, oversized: () => {} }, MAX_ROW);
  const login = { reader, key: Buffer.from([0, 0, 0, 9, 1, 2, 3, 4]), settings: new Map([['TimeZone', 'UTC']]) };
  const session = new Session(transport, login, { user: 'uc_acme', maxStatements, sendCancel: () => Promise.resolve() });
  return {
    session,
    receive: (bytes) => {
      // A buffer of its own that is overwritten afterwards: nothing may be kept of it.
      const chunk = Buffer.from(bytes);
      transport.receiver.receive(chunk, 0, chunk.length);
      chunk.fill(0xee);
    },
    sent: () => {
      session.flush();
      return typesOf(Buffer.concat(written.splice(0)));
    },
    destroyed: () => destroyed,
    serverEnds: () => transport.receiver.ended(undefined),
  };
}

/** The types of the messages that a client sent, in order. */
function typesOf(bytes: Buffer): string {
  let types = '';
  for (let at = 0; at < bytes.length; at += 1 + bytes.readInt32BE(at + 1)) types += String.fromCharCode(bytes[at] ?? 0);
  return types;
}

const submit = (backend: Backend, text: string): Outcome => start(backend, { text, params: [] }).outcome;
const firstRun = (columns: Buffer, ...rest: Buffer[]): Buffer =>
  Buffer.concat([server.parsed(), server.parameters(), columns, server.bound(), ...rest]);

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
    check(property(cuts, (places) => expect(play(places.toSorted((a, b) => a - b))).toEqual(PLAYED)));
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

describe('a statement', () => {
  it('is parsed once and then bound by name, also behind one whose Parse is not answered yet', () => {
    const { session, receive, sent } = openSession();
    submit(session, 'select a');
    submit(session, 'select a');
    expect(sent()).toBe('PDBESDBES');
    receive(Buffer.concat([firstRun(server.columns('a'), server.done('SELECT 0'), server.ready())]));
    submit(session, 'select a');
    expect(sent()).toBe('BES');
  });

  it('that was not prepared under a name is parsed each time and is not kept', () => {
    const { session, sent } = openSession();
    for (let times = 0; times < 2; times++)
      session.execute({ text: 'select a', params: [], prepare: false }, recordingSink().sink);
    expect(sent()).toBe('PDBESPDBES');
    expect(session.knownParameters('select a')).toBeUndefined();
  });

  it('that is least recently used is closed on the server when there are too many', () => {
    const { session, sent } = openSession();
    for (const text of ['select a', 'select b', 'select a', 'select c']) submit(session, text);
    expect(sent()).toBe('PDBESPDBESDBESCPDBES');
    submit(session, 'select b');
    expect(sent()).toBe('CPDBES');
  });

  it.each(['26000', '0A000', '42P05'])('that the server no longer has (%s) is prepared anew and run once more', (sqlstate) => {
    const { session, receive, sent } = openSession();
    submit(session, 'select a');
    session.flush();
    receive(firstRun(server.columns('a'), server.done('SELECT 0'), server.ready()));
    sent();
    const stale = submit(session, 'select a');
    const neighbour = submit(session, 'select b');
    sent();
    receive(Buffer.concat([server.error(sqlstate, 'stale'), server.ready()]));
    expect(stale.ends).toBe(0);
    expect(sent()).toBe('CPDBES');
    receive(firstRun(server.columns('b'), server.done('SELECT 0'), server.ready()));
    expect(neighbour.tag).toBe('SELECT 0');
    receive(
      Buffer.concat([
        server.closed(),
        firstRun(server.columns('a', 'new'), server.row('1', '2'), server.done('SELECT 1'), server.ready()),
      ]),
    );
    expect(stale).toMatchObject({ columns: ['a', 'new'], rows: [['1', '2']], tag: 'SELECT 1', ends: 1 });
  });

  it('is run once more only once, never in a transaction, and never when it had begun', () => {
    const again = openSession();
    const twice = submit(again.session, 'select a');
    again.session.flush();
    for (let times = 0; times < 2; times++) {
      again.session.flush();
      again.receive(Buffer.concat([server.error('26000', 'gone'), server.ready()]));
    }
    expect(twice).toMatchObject({ ends: 1, error: { sqlstate: '26000' } });

    const inTransaction = openSession();
    const failed = submit(inTransaction.session, 'select a');
    inTransaction.session.flush();
    inTransaction.receive(Buffer.concat([server.error('26000', 'gone'), server.ready('E')]));
    expect(failed).toMatchObject({ ends: 1, error: { sqlstate: '26000' } });

    const begun = openSession();
    const half = submit(begun.session, 'select a');
    begun.session.flush();
    begun.receive(firstRun(server.columns('a'), server.error('26000', 'raised by a function'), server.ready()));
    expect(half).toMatchObject({ ends: 1, error: { sqlstate: '26000' } });
  });

  it('keeps the same array of columns from run to run', () => {
    const { session, receive } = openSession();
    const seen: unknown[] = [];
    const { sink } = recordingSink();
    for (let times = 0; times < 3; times++)
      session.execute({ text: 'select a', params: [] }, { ...sink, columns: (fields) => seen.push(fields) });
    session.flush();
    const described = [server.parameters(), server.columns('a'), server.bound(), server.done('SELECT 0'), server.ready()];
    receive(Buffer.concat([server.parsed(), ...described, ...described, ...described]));
    expect(seen).toHaveLength(3);
    expect(new Set(seen).size).toBe(1);
  });

  it('that cannot be sent fails alone, and only after the call', async () => {
    const { session, sent } = openSession();
    const nul = start(session, { text: 'select 1;\0Q', params: [] });
    const many = start(session, { text: 'select 1', params: Array.from({ length: 65_536 }, () => '') });
    expect([nul.outcome.ends, many.outcome.ends]).toEqual([0, 0]);
    expect(brief(await nul.ended)).toBe('bad_statement');
    expect(brief(await many.ended)).toBe('bad_statement');
    expect(sent()).toBe('');
    expect(session.inFlight).toBe(0);
  });

  it('that was abandoned is heard of no more, and its neighbours are', () => {
    const { session, receive } = openSession();
    const abandoned = start(session, { text: 'select a', params: [] });
    const neighbour = submit(session, 'select b');
    session.flush();
    receive(firstRun(server.columns('a'), server.row('1')));
    abandoned.execution.abandon();
    receive(
      Buffer.concat([
        server.row('2'),
        server.done('SELECT 2'),
        server.ready(),
        firstRun(server.columns('b'), server.done('SELECT 0'), server.ready()),
      ]),
    );
    expect(abandoned.outcome).toMatchObject({ rows: [['1']], ends: 0 });
    expect(neighbour.tag).toBe('SELECT 0');
  });
});

describe('a lost connection', () => {
  it('tells that nothing behind the head has run when the server says goodbye', async () => {
    const { session, receive, serverEnds } = openSession();
    const [head, next] = [start(session, { text: 'select a', params: [] }), start(session, { text: 'select b', params: [] })];
    session.flush();
    expect([head.execution.started, next.execution.started]).toEqual([true, false]);
    receive(server.error('57P01', 'terminating connection', 'FATAL'));
    expect(head.outcome.error).toMatchObject({ code: 'connection_lost', started: true, sqlstate: '57P01' });
    expect(next.outcome.error).toMatchObject({ code: 'connection_lost', started: false, sqlstate: '57P01' });
    expect(session.state).toBe('closing');
    serverEnds();
    expect((await session.closed)?.sqlstate).toBe('57P01');
  });

  it('tells that not even the head has run when the server had been waiting too long for it', () => {
    const { session, receive } = openSession();
    const head = start(session, { text: 'select a', params: [] });
    session.flush();
    receive(server.error('57P05', 'idle too long', 'FATAL'));
    expect(head.outcome.error).toMatchObject({ code: 'connection_lost', started: false });
  });

  it('tells that all that reached the socket may have run when the server says nothing', () => {
    const { session, serverEnds } = openSession();
    const flushed = [start(session, { text: 'select a', params: [] }), start(session, { text: 'select b', params: [] })];
    session.flush();
    const unsent = start(session, { text: 'select c', params: [] });
    serverEnds();
    expect(flushed.map(({ outcome }) => outcome.error?.started)).toEqual([true, true]);
    expect(unsent.outcome.error).toMatchObject({ code: 'connection_lost', started: false });
  });

  it('takes no new statement', async () => {
    const { session, serverEnds } = openSession();
    serverEnds();
    const late = start(session, { text: 'select a', params: [] });
    expect(late.outcome.ends).toBe(0);
    expect((await late.ended).error).toMatchObject({ code: 'connection_lost', started: false });
    await expect(session.command('begin')).rejects.toMatchObject({ code: 'connection_lost' });
    await expect(session.describe('select a')).rejects.toMatchObject({ code: 'connection_lost' });
  });
});

describe('a session', () => {
  it('says goodbye only when what is in flight has ended', async () => {
    const { session, receive, sent, serverEnds } = openSession();
    const outcome = submit(session, 'select a');
    sent();
    session.close();
    session.close();
    expect(sent()).toBe('');
    receive(firstRun(server.columns('a'), server.done('SELECT 0'), server.ready()));
    expect(outcome.tag).toBe('SELECT 0');
    expect(sent()).toBe('X');
    serverEnds();
    await expect(session.closed).resolves.toBeUndefined();
  });

  it('holds statements back only while the server has plenty to answer, and loses none', () => {
    const { session, receive, sent } = openSession();
    const outcomes = Array.from({ length: 17 }, () => submit(session, 'select a'));
    sent();
    for (let count = 0; count < 5; count++) outcomes.push(submit(session, 'select a'));
    expect(sent()).toBe('');
    const described = [server.parameters(), server.columns('a'), server.bound(), server.done('SELECT 0'), server.ready()];
    receive(Buffer.concat([server.parsed(), ...described]));
    expect(sent()).toBe('DBESDBESDBESDBESDBES');
    for (let count = 0; count < 21; count++) receive(Buffer.concat(described));
    expect(outcomes.map((outcome) => outcome.ends)).toEqual(Array.from({ length: 22 }, () => 1));
  });

  it('knows when a setting is not what it was at the login', () => {
    const { session, receive } = openSession();
    receive(Buffer.concat([server.status('TimeZone', 'UTC'), server.status('in_hot_standby', 'off')]));
    expect(session.settingsAltered).toBe(false);
    receive(server.status('TimeZone', 'Asia/Tokyo'));
    expect(session.settingsAltered).toBe(true);
    receive(server.status('TimeZone', 'UTC'));
    expect(session.settingsAltered).toBe(false);
  });

  it('forgets its statements when the server has', () => {
    const { session, receive, sent } = openSession();
    submit(session, 'select a');
    void session.command('discard all');
    sent();
    receive(firstRun(server.columns('a'), server.done('SELECT 0'), server.ready()));
    receive(Buffer.concat([server.done('DISCARD ALL'), server.ready()]));
    submit(session, 'select a');
    expect(sent()).toBe('PDBES');
  });

  it('gives up the connection when COPY FROM STDIN has eaten the statements behind it', () => {
    const { session, receive, sent, destroyed } = openSession();
    const copy = submit(session, 'copy in');
    const neighbour = submit(session, 'select b');
    sent();
    receive(firstRun(server.noColumns(), server.copyIn()));
    expect(destroyed()).toBe(true);
    expect(brief(copy)).toBe('bad_statement');
    expect(neighbour.error).toMatchObject({ code: 'connection_lost', started: true });
  });

  it('tells since when the oldest statement has had its turn', () => {
    const { session, receive } = openSession();
    expect(session.headSince).toBeUndefined();
    submit(session, 'select a');
    const first = session.headSince;
    submit(session, 'select b');
    session.flush();
    expect(session.headSince).toBe(first);
    receive(firstRun(server.columns('a'), server.done('SELECT 0'), server.ready()));
    expect(session.headSince).toBeGreaterThanOrEqual(first ?? Infinity);
    receive(firstRun(server.columns('b'), server.done('SELECT 0'), server.ready()));
    expect(session.headSince).toBeUndefined();
  });
});
