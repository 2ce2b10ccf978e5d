import { ContractError } from './errors.ts';
import { isBeatKey } from './directory.ts';
import { TENANT_ID_PATTERN } from './tenant-id.ts';

/** CloudEvents 1.0, Kafka binding, binary mode. */
export const HEADERS = {
  specversion: 'ce_specversion',
  id: 'ce_id',
  type: 'ce_type',
  source: 'ce_source',
  subject: 'ce_subject',
  time: 'ce_time',
  tenantId: 'ce_tenantid',
  sequence: 'ce_sequence',
  correlationId: 'ce_correlationid',
  causationId: 'ce_causationid',
  traceparent: 'traceparent',
  contentType: 'content-type',
} as const;

export interface Envelope {
  /** The event's id: a repeated delivery has the same one. */
  readonly id: string;
  readonly type: string;
  /** The service that speaks, e.g. `/ultracore/registry`. */
  readonly source: string;
  /** What it is about: the stream, or the tenant id. */
  readonly subject: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** The tenant, which is also the record's key. A beat of the directory carries its own key here. */
  readonly tenantId: string;
  /** Revision in the tenant's stream, where the message is stored in one. */
  readonly sequence?: number;
  readonly correlationId?: string;
  /** The message or request that led to this one. A fact about a request has the request's id here. */
  readonly causationId?: string;
  /** W3C trace context. */
  readonly traceparent?: string;
}

/** Header values as kafkajs hands them over. */
export type HeaderValue = Uint8Array | string | (Uint8Array | string)[] | undefined;

const LONGEST_HEADER = 512;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?$/;

/** The record headers of a message. */
export const toHeaders = (envelope: Envelope): Record<string, string> => {
  const headers: Record<string, string> = {
    [HEADERS.specversion]: '1.0',
    [HEADERS.id]: envelope.id,
    [HEADERS.type]: envelope.type,
    [HEADERS.source]: envelope.source,
    [HEADERS.subject]: envelope.subject,
    [HEADERS.time]: envelope.time,
    [HEADERS.tenantId]: envelope.tenantId,
    [HEADERS.contentType]: 'application/json',
  };
  if (envelope.sequence !== undefined) headers[HEADERS.sequence] = String(envelope.sequence);
  if (envelope.correlationId !== undefined) headers[HEADERS.correlationId] = envelope.correlationId;
  if (envelope.causationId !== undefined) headers[HEADERS.causationId] = envelope.causationId;
  if (envelope.traceparent !== undefined) headers[HEADERS.traceparent] = envelope.traceparent;
  return headers;
};

const refuse = (detail: string): never => {
  throw new ContractError('bad_envelope', detail);
};

const text = (headers: Readonly<Record<string, HeaderValue>>, name: string): string | undefined => {
  const value = headers[name];
  if (value === undefined) return undefined;
  if (Array.isArray(value)) return refuse(`the header ${name} is given more than once`);
  const decoded = typeof value === 'string' ? value : new TextDecoder().decode(value);
  if (decoded === '' || decoded.length > LONGEST_HEADER) return refuse(`the header ${name} is empty or too long`);
  return decoded;
};

const required = (headers: Readonly<Record<string, HeaderValue>>, name: string): string =>
  text(headers, name) ?? refuse(`the header ${name} is missing`);

/** Reads an envelope back. Throws `ContractError` with code `bad_envelope` that names the header at fault. */
export const fromHeaders = (headers: Readonly<Record<string, HeaderValue>>): Envelope => {
  const version = required(headers, HEADERS.specversion);
  if (version !== '1.0') refuse(`the header ${HEADERS.specversion} is not 1.0`);
  const tenantId = required(headers, HEADERS.tenantId);
  if (!TENANT_ID_PATTERN.test(tenantId) && !isBeatKey(tenantId)) refuse(`the header ${HEADERS.tenantId} is not a tenant id`);
  const time = required(headers, HEADERS.time);
  if (!TIME.test(time) || Number.isNaN(Date.parse(time))) refuse(`the header ${HEADERS.time} is not a time in UTC`);
  const sequenceText = text(headers, HEADERS.sequence);
  const sequence = sequenceText === undefined ? undefined : Number(sequenceText);
  if (sequence !== undefined && !(Number.isSafeInteger(sequence) && sequence >= 0)) {
    refuse(`the header ${HEADERS.sequence} is not a revision`);
  }
  const correlationId = text(headers, HEADERS.correlationId);
  const causationId = text(headers, HEADERS.causationId);
  const traceparent = text(headers, HEADERS.traceparent);
  return {
    id: required(headers, HEADERS.id),
    type: required(headers, HEADERS.type),
    source: required(headers, HEADERS.source),
    subject: required(headers, HEADERS.subject),
    time,
    tenantId,
    ...(sequence === undefined ? {} : { sequence }),
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(causationId === undefined ? {} : { causationId }),
    // Tracing is no reason to refuse a message: what is not a trace context is left out.
    ...(traceparent === undefined || !TRACEPARENT.test(traceparent) ? {} : { traceparent }),
  };
};
