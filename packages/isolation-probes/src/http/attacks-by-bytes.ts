import { define, EVERY_ROW } from './define-http.ts';
import type { HttpProbe } from './http-probe.ts';

const raw = (text: string, ...statuses: number[]): Pick<HttpProbe, 'raw'> => ({
  raw: { text: text.replaceAll('\n', '\r\n'), statuses },
});
const BODY = JSON.stringify(EVERY_ROW);
const POST_QUERY = `POST /v1/query HTTP/1.1
host: gateway
authorization: Bearer {token}
content-type: application/json
`;
const HIDDEN = `${POST_QUERY}x-ultracore-tenant-id: {victim}
content-length: ${BODY.length}

${BODY}`;

/** Requests that two readers would read in two ways. */
export const ATTACKS_BY_BYTES = define([
  [
    'raw/pipelined',
    'hide a request behind another',
    [],
    raw(`${POST_QUERY}content-length: ${BODY.length}\n\n${BODY}${HIDDEN}`, 200, 400, 403),
  ],
  [
    'raw/both-lengths',
    'have two readers disagree on where a request ends',
    [],
    raw(`${POST_QUERY}content-length: ${BODY.length + HIDDEN.length}\ntransfer-encoding: chunked\n\n0\n\n${HIDDEN}`, 400, 403),
  ],
  [
    'raw/two-lengths',
    'say two lengths',
    [],
    raw(`${POST_QUERY}content-length: ${BODY.length}\ncontent-length: 5\n\n${BODY}`, 400),
  ],
  ['raw/signed-length', 'say a length with a sign', [], raw(`${POST_QUERY}content-length: +${BODY.length}\n\n${BODY}`, 400)],
  [
    'raw/spelt-encoding',
    'spell the encoding so that one reader misses it',
    [],
    raw(`${POST_QUERY}transfer-encoding: xchunked\ncontent-length: ${BODY.length}\n\n${BODY}`, 200, 400, 501),
  ],
  [
    'raw/folded',
    'continue a header on the next line',
    [],
    raw(`${POST_QUERY}x-ultracore-tenant-id: {self}\n ,{victim}\ncontent-length: ${BODY.length}\n\n${BODY}`, 400, 403),
  ],
  [
    'raw/space-before-colon',
    'have a header read by one reader only',
    [],
    raw(`${POST_QUERY}x-ultracore-tenant-id : {victim}\ncontent-length: ${BODY.length}\n\n${BODY}`, 400, 403),
  ],
  [
    'raw/absolute',
    'name another host in the request line',
    [],
    raw(
      `${POST_QUERY.replace('/v1/query', 'http://victim/v1/query')}x-ultracore-tenant-id: {victim}\ncontent-length: ${BODY.length}\n\n${BODY}`,
      400,
      403,
      404,
    ),
  ],
  [
    'raw/nul',
    'end a name early',
    [],
    raw(`${POST_QUERY}x-ultracore-tenant-id: {victim}\0{self}\ncontent-length: ${BODY.length}\n\n${BODY}`, 400, 403),
  ],
]);
