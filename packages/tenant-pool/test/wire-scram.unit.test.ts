import { describe, expect, it } from 'vitest';
import { createScramLogin, ScramMemory } from '../src/wire/scram.ts';

/** The example of RFC 7677, section 3. */
const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const SERVER_FIRST = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
const SERVER_FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';
const login = () => createScramLogin('pencil', NONCE, 'user');

describe('SCRAM-SHA-256', () => {
  it('speaks as the example of RFC 7677 does', async () => {
    const scram = login();
    expect(scram.firstMessage).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO');
    await expect(scram.answer(SERVER_FIRST)).resolves.toBe(
      'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
    );
    expect(() => scram.verify(SERVER_FINAL)).not.toThrow();
  });

  it.each([
    ['another signature', 'v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='],
    ['a shorter one', 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95A=='],
    ['an empty one', 'v='],
    ['an error', 'e=other-error'],
    ['nothing', ''],
  ])('refuses a server that proves itself by %s', async (_what, final) => {
    const scram = login();
    await scram.answer(SERVER_FIRST);
    expect(() => scram.verify(final)).toThrow(expect.objectContaining({ code: 'protocol_violation' }));
  });

  it('refuses a proof that comes before the challenge', () => {
    expect(() => login().verify(SERVER_FINAL)).toThrow(expect.objectContaining({ code: 'protocol_violation' }));
  });

  it.each([
    ['a nonce that is not ours', 'r=somebody-else,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096', 'protocol_violation'],
    ['our nonce and nothing of its own', `r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`, 'protocol_violation'],
    ['no salt', `r=${NONCE}x,s=,i=4096`, 'protocol_violation'],
    ['an extension that must be understood', `m=x,${SERVER_FIRST}`, 'protocol_violation'],
    ['few rounds', SERVER_FIRST.replace('4096', '4095'), 'auth_unsupported'],
    ['rounds without end', SERVER_FIRST.replace('4096', '2000000000'), 'auth_unsupported'],
    ['rounds that are no number', SERVER_FIRST.replace('4096', '4e3'), 'protocol_violation'],
  ])('refuses a challenge with %s', async (_what, challenge, code) => {
    await expect(login().answer(challenge)).rejects.toMatchObject({ code });
  });

  it('draws another nonce for each login', () => {
    expect(createScramLogin('pencil').firstMessage).not.toBe(createScramLogin('pencil').firstMessage);
  });

  it('derives the keys of one challenge once, and asks for the password only then', async () => {
    let asked = 0;
    const memory = new ScramMemory();
    const again = (memoryOf = memory) =>
      createScramLogin(
        async () => {
          asked++;
          return 'pencil';
        },
        NONCE,
        'user',
        memoryOf,
      );
    const first = again();
    const answer = await first.answer(SERVER_FIRST);
    await again().answer(SERVER_FIRST);
    expect(asked, 'nothing is kept before the server has proved itself').toBe(2);
    first.verify(SERVER_FINAL);
    await expect(again().answer(SERVER_FIRST)).resolves.toBe(answer);
    expect(asked).toBe(2);
    await again().answer(SERVER_FIRST.replace('W22Z', 'X22Z'));
    await again().answer(SERVER_FIRST.replace('4096', '4097'));
    expect(asked, 'of another salt or number of rounds').toBe(4);
    memory.forget();
    await again().answer(SERVER_FIRST);
    expect(asked).toBe(5);
  });

  it('says of a password that does not come that the login fails', async () => {
    const source = () => new Promise<string>(() => {});
    await expect(createScramLogin(source, NONCE, '', undefined, 1).answer(SERVER_FIRST)).rejects.toMatchObject({
      code: 'login_failed',
      message: 'the password was not there within 1 ms',
    });
  });

  it('says of a password that cannot be had that the login fails, with the reason', async () => {
    const source = () => Promise.reject(new Error('the key is not there'));
    await expect(createScramLogin(source, NONCE).answer(SERVER_FIRST)).rejects.toMatchObject({
      code: 'login_failed',
      message: expect.stringContaining('the key is not there'),
    });
  });
});
