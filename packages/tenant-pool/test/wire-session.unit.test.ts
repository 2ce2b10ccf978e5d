import { describe, expect, it } from 'vitest';
import { brief, recordingSink, start } from './wire-outcome.ts';
import { firstRun, openSession, submit } from './wire-played-session.ts';
import { server } from './wire-server-messages.ts';

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
