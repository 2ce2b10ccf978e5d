import { pbkdf2Sync, createHash, createHmac, createDecipheriv } from 'node:crypto';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { createKeyRing, CredentialError, generatePassword, MINIMUM_ROUNDS, type KeyRing } from '../src/index.ts';

const master = { masterPassword: 'correct horse battery staple', keyId: 'k1', rounds: MINIMUM_ROUNDS };
const owner = { tenantId: 'acme-bank', role: 'uc_acme_bank' };

function errorOf(act: () => unknown): CredentialError | undefined {
  try {
    act();
  } catch (error) {
    if (error instanceof CredentialError) return error;
    throw error;
  }
  return undefined;
}

const codeOf = (act: () => unknown): string => errorOf(act)?.code ?? 'no error';

async function codeOfAsync(act: () => Promise<unknown>): Promise<string> {
  const outcome = await act().catch((error: unknown) => error);
  return outcome instanceof CredentialError ? outcome.code : 'no error';
}

let ring: KeyRing;
beforeAll(async () => {
  ring = await createKeyRing(master);
});

describe('a sealed credential', () => {
  it('opens to the password it was sealed with, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string(), fc.string(), (password, tenantId, role) => {
        fc.pre(Buffer.from(password).toString() === password);
        const sealed = ring.seal({ tenantId, role, password });
        expect(ring.open({ tenantId, role, sealed })).toBe(password);
      }),
    );
  });

  it('has the documented form, so that another program with the key can open it', () => {
    const sealed = ring.seal({ ...owner, password: 's3cret' });
    const [version, keyId, check, nonce, body] = sealed.split('.');
    const salt = createHash('sha256').update('ultracore/k1').digest();
    const key = pbkdf2Sync(master.masterPassword, salt, MINIMUM_ROUNDS, 32, 'sha256');
    const expectedCheck = createHmac('sha256', key).update('check').digest().subarray(0, 8).toString('base64url');
    expect([version, keyId, check]).toEqual(['v1', 'k1', expectedCheck]);
    const bytes = Buffer.from(body ?? '', 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce ?? '', 'base64url'));
    decipher.setAAD(Buffer.from(JSON.stringify(['ultracore', 'v1', 'k1', expectedCheck, owner.tenantId, owner.role])));
    decipher.setAuthTag(bytes.subarray(-16));
    expect(Buffer.concat([decipher.update(bytes.subarray(0, -16)), decipher.final()]).toString()).toBe('s3cret');
  });

  it('is another text each time, so that equal passwords do not show', () => {
    const texts = new Set(Array.from({ length: 200 }, () => ring.seal({ ...owner, password: 'same' })));
    expect(texts.size).toBe(200);
  });

  it('does not open once any one character is another', () => {
    const sealed = ring.seal({ ...owner, password: generatePassword() });
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ é';
    fc.assert(
      fc.property(fc.nat(sealed.length - 1), fc.constantFrom(...Array.from(alphabet)), (at, character) => {
        fc.pre(sealed[at] !== character);
        const changed = sealed.slice(0, at) + character + sealed.slice(at + 1);
        expect(codeOf(() => ring.open({ ...owner, sealed: changed }))).toMatch(
          /^(malformed|unknown_key|wrong_master_password|tampered)$/,
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it('does not open once any one bit of nonce, ciphertext or tag is another: tampered', () => {
    const sealed = ring.seal({ ...owner, password: generatePassword() });
    const parts = sealed.split('.');
    for (const part of [3, 4]) {
      const bytes = Buffer.from(parts[part] ?? '', 'base64url');
      for (let bit = 0; bit < bytes.length * 8; bit += 1) {
        const flipped = Buffer.from(bytes);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        const changed = parts.with(part, flipped.toString('base64url')).join('.');
        expect(codeOf(() => ring.open({ ...owner, sealed: changed }))).toBe('tampered');
      }
    }
  });

  it('does not open when cut short or grown', () => {
    const sealed = ring.seal({ ...owner, password: generatePassword() });
    for (let length = 0; length < sealed.length; length += 1) {
      expect(codeOf(() => ring.open({ ...owner, sealed: sealed.slice(0, length) }))).toMatch(/^(malformed|tampered)$/);
    }
    expect(codeOf(() => ring.open({ ...owner, sealed: `${sealed}AAAA` }))).toBe('tampered');
    expect(codeOf(() => ring.open({ ...owner, sealed: `${sealed}.AAAA` }))).toBe('malformed');
  });

  it('copied to another tenant or role is tampered', () => {
    const sealed = ring.seal({ ...owner, password: 'x' });
    expect(codeOf(() => ring.open({ tenantId: 'other-bank', role: owner.role, sealed }))).toBe('tampered');
    expect(codeOf(() => ring.open({ tenantId: owner.tenantId, role: 'uc_acme_bank__ro', sealed }))).toBe('tampered');
    expect(codeOf(() => ring.open({ tenantId: 'acme-ban', role: 'kuc_acme_bank', sealed }))).toBe('tampered');
  });
});

describe('a key ring', () => {
  it('with the wrong master password, salt or rounds says so by one code, without opening anything', async () => {
    const sealed = ring.seal({ ...owner, password: 'x' });
    const others = [
      { ...master, masterPassword: 'wrong' },
      { ...master, salt: 'site-7' },
      { ...master, rounds: MINIMUM_ROUNDS + 1 },
    ];
    for (const other of others) {
      const wrong = await createKeyRing(other);
      expect(wrong.check).not.toBe(ring.check);
      expect(codeOf(() => wrong.assertHolds(sealed))).toBe('wrong_master_password');
      expect(codeOf(() => wrong.open({ ...owner, sealed }))).toBe('wrong_master_password');
    }
    expect(codeOf(() => ring.assertHolds(sealed))).toBe('no error');
  });

  it('opens what a retired key sealed and seals with the current one', async () => {
    const sealed = ring.seal({ ...owner, password: 'old' });
    const next = await createKeyRing({ masterPassword: 'new one', keyId: 'k2', rounds: MINIMUM_ROUNDS, retired: [master] });
    expect(next.open({ ...owner, sealed })).toBe('old');
    expect(next.seal({ ...owner, password: 'new' })).toMatch(/^v1\.k2\./);
    expect(codeOf(() => ring.open({ ...owner, sealed: next.seal({ ...owner, password: 'new' }) }))).toBe('unknown_key');
  });

  it('moved under the name of another key does not open', async () => {
    const twin = await createKeyRing({ ...master, keyId: 'k2', retired: [master] });
    const sealed = ring.seal({ ...owner, password: 'x' });
    expect(codeOf(() => twin.open({ ...owner, sealed: sealed.replace('.k1.', '.k2.') }))).toBe('wrong_master_password');
  });

  it('refuses what cannot be safe: few rounds, no password, an impossible or repeated key id', async () => {
    expect(await codeOfAsync(() => createKeyRing({ ...master, rounds: MINIMUM_ROUNDS - 1 }))).toBe('weak_rounds');
    expect(await codeOfAsync(() => createKeyRing({ ...master, rounds: Number.NaN }))).toBe('weak_rounds');
    expect(await codeOfAsync(() => createKeyRing({ ...master, masterPassword: '' }))).toBe('bad_key');
    expect(await codeOfAsync(() => createKeyRing({ ...master, keyId: 'a.b' }))).toBe('bad_key');
    expect(await codeOfAsync(() => createKeyRing({ ...master, retired: [master] }))).toBe('bad_key');
  });

  it('shows neither key nor master password when logged', () => {
    const shown = `${inspect(ring, { depth: null, showHidden: true })}${JSON.stringify(ring)}`;
    expect(shown).not.toContain(master.masterPassword);
    expect(shown).not.toMatch(/Buffer|Uint8Array/);
  });

  it('never puts the password or the sealed text into an error', () => {
    const sealed = ring.seal({ ...owner, password: 'topsecret' });
    const error = errorOf(() => ring.open({ tenantId: 'other', role: owner.role, sealed }));
    expect(error?.code).toBe('tampered');
    expect(inspect(error, { depth: null })).not.toContain('topsecret');
    expect(inspect(error, { depth: null })).not.toContain(sealed);
  });
});

describe('a ring of several keys', () => {
  it('seals with the present one, opens what the retired and the upcoming one sealed, and says which are retired', async () => {
    const [k0, k2] = [
      { ...master, masterPassword: 'before', keyId: 'k0' },
      { ...master, masterPassword: 'soon', keyId: 'k2' },
    ];
    const [several, before, soon] = await Promise.all([
      createKeyRing({ ...master, retired: [k0], upcoming: [k2] }),
      createKeyRing(k0),
      createKeyRing(k2),
    ]);
    expect(several.retiredKeyIds).toEqual(['k0']);
    for (const other of [before, ring, soon])
      expect(several.open({ ...owner, sealed: other.seal({ ...owner, password: 'kept' }) })).toBe('kept');
    expect(ring.open({ ...owner, sealed: several.seal({ ...owner, password: 'kept' }) })).toBe('kept');
  });
});
