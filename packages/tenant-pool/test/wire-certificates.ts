import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CertificateExtension, generate } from 'selfsigned';

const DNS = 2;
const IP = 7;

export interface Authority {
  readonly certificate: string;
  /** A server's certificate for these names and addresses. */
  issue(of: { readonly names?: readonly string[]; readonly addresses?: readonly string[] }): Promise<KeyPair>;
}

export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

const make = async (name: string, extensions: CertificateExtension[], ca?: { key: string; cert: string }) => {
  const subject = [{ name: 'commonName', value: name }];
  return generate(subject, { keyType: 'ec', algorithm: 'sha256', extensions, ...(ca === undefined ? {} : { ca }) });
};

/** An authority that nobody knows but who is given its certificate. */
export async function createAuthority(name: string): Promise<Authority> {
  const own = await make(name, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, critical: true },
  ]);
  return {
    certificate: own.cert,
    async issue({ names = [], addresses = [] }) {
      const altNames = [
        ...names.map((value) => ({ type: DNS, value }) as const),
        ...addresses.map((ip) => ({ type: IP, ip }) as const),
      ];
      const { cert, private: key } = await make('a database server', [{ name: 'subjectAltName', altNames }], {
        key: own.private,
        cert: own.cert,
      });
      return { certificate: cert, key };
    },
  };
}

export interface CertificateFiles extends Disposable {
  /** For `startPrivatePostgres`. */
  readonly settings: readonly string[];
  /** Puts another certificate in their place; the server takes it at its next start. */
  write(pair: KeyPair): void;
}

/** Certificate and key in files that a server reads which was started by the tests. */
export function certificateFiles(): CertificateFiles {
  const folder = mkdtempSync(join(tmpdir(), 'ultracore-tls-'));
  chmodSync(folder, 0o755);
  const [certificate, key] = [join(folder, 'server.crt'), join(folder, 'server.key')];
  return {
    settings: ['ssl=on', `ssl_cert_file=${certificate}`, `ssl_key_file=${key}`],
    write(pair) {
      writeFileSync(certificate, pair.certificate);
      writeFileSync(key, pair.key, { mode: 0o600 });
      // Started by root, the server runs as another user, and wants the key to be its own.
      if (process.getuid?.() === 0) chownSync(key, idOf('-u'), idOf('-g'));
    },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

const idOf = (which: '-u' | '-g'): number => Number(execFileSync('id', [which, 'postgres'], { encoding: 'utf8' }));
