import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { CredentialError, generatePassword, scramVerifier } from '../src/index.ts';
import { scramVerifierWith } from '../src/password.ts';

describe('generatePassword', () => {
  it('gives 32 random bytes in base64url, never the same twice', () => {
    const passwords = Array.from({ length: 500 }, generatePassword);
    for (const password of passwords) expect(Buffer.from(password, 'base64url')).toHaveLength(32);
    expect(new Set(passwords).size).toBe(500);
  });
});

describe('scramVerifier', () => {
  it('agrees with the exchange printed in RFC 7677 section 3', () => {
    const verifier = scramVerifierWith('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'), 4096);
    const [, , keys] = verifier.split('$');
    const serverKey = Buffer.from(keys?.split(':')[1] ?? '', 'base64');
    expect(verifier).toMatch(/^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$/);
    expect(serverSignature(serverKey)).toBe('6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=');
  });

  it('draws another salt each time and does not contain the password', () => {
    const password = generatePassword();
    expect(scramVerifier(password)).not.toBe(scramVerifier(password));
    expect(scramVerifier(password)).not.toContain(password);
    expect(scramVerifier(password)).toMatch(/^SCRAM-SHA-256\$4096:[A-Za-z0-9+/]{22}==\$[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{43}=$/);
  });

  it.each(['', 'pässword', 'tab\there', 'nul\0'])('refuses %j, which SASLprep could change', (password) => {
    expect(() => scramVerifier(password)).toThrow(CredentialError);
  });
});

function serverSignature(serverKey: Buffer): string {
  const clientFirstBare = 'n=user,r=rOprNGfwEbeRWgbNEkqO';
  const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096';
  const clientFinal = 'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0';
  return createHmac('sha256', serverKey).update(`${clientFirstBare},${serverFirst},${clientFinal}`).digest('base64');
}
