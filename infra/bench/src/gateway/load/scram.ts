import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) for a password of printable ASCII. The server's signature is not checked: a bench trusts its own. */
export interface ScramClient {
  readonly first: string;
  /** The answer to the server's first message. */
  final(serverFirst: string): string;
}

export function createScramClient(password: string): ScramClient {
  const firstBare = `n=,r=${randomBytes(18).toString('base64')}`;
  return {
    first: `n,,${firstBare}`,
    final(serverFirst) {
      const field = (name: string): string => new RegExp(`(?:^|,)${name}=([^,]*)`).exec(serverFirst)?.[1] ?? '';
      const salted = pbkdf2Sync(password, Buffer.from(field('s'), 'base64'), Number(field('i')), 32, 'sha256');
      const clientKey = createHmac('sha256', salted).update('Client Key').digest();
      const storedKey = createHash('sha256').update(clientKey).digest();
      const withoutProof = `c=biws,r=${field('r')}`;
      const signature = createHmac('sha256', storedKey).update(`${firstBare},${serverFirst},${withoutProof}`).digest();
      const proof = clientKey.map((byte, index) => byte ^ (signature[index] ?? 0));
      return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`;
    },
  };
}
