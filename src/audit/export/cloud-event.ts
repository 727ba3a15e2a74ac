import type { CustomerErased } from '../../domain/erasure.ts';
import { streamOf } from '../../domain/ids.ts';
import type { AttemptResult, InvocationEvent } from '../../domain/invocation.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import { masked, maskedBody, maskedExcerpt } from '../../domain/personal-fields.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import type { InvocationFacts } from './facts.ts';

/** One stored event as a CloudEvent 1.0. Types and fields are a format for others: docs/export.md lists them. */

const TYPES: Readonly<Record<InvocationEvent['type'], string>> = {
  InvocationScheduled: 'callboard.invocation.scheduled',
  AttemptStarted: 'callboard.attempt.started',
  AttemptFailed: 'callboard.attempt.failed',
  InvocationDelivered: 'callboard.invocation.delivered',
  InvocationExhausted: 'callboard.invocation.exhausted',
  InvocationCancelled: 'callboard.invocation.cancelled',
  InvocationSuperseded: 'callboard.invocation.superseded',
  RetryRequested: 'callboard.invocation.retry_requested',
};

export const CHANGE_TYPE = 'callboard.change.reported';

/** The CloudEvents type of what happened to an invocation. */
export const invocationType = (type: InvocationEvent['type']): string => TYPES[type];

export const isoTime = (atMs: number): string => new Date(atMs).toISOString();

export const changeEvent = (decoded: Decoded<ResourceChange>, isClear: boolean): JsonObject => {
  const { event } = decoded;
  const shown = (value: Json): Json => (isClear ? value : masked(value));
  return envelope(decoded, CHANGE_TYPE, `${event.resource}/${event.identifier}`, {
    change: decoded.id,
    id: event.id,
    source: event.source,
    type: event.changeType,
    resource: event.resource,
    identifier: event.identifier,
    triggers: event.triggers,
    occurred_at: isoTime(event.occurredAtMs),
    data: shown(event.data),
    relations: {
      declared: event.relations.declared.map(({ resource, identifier }) => ({ resource, identifier })),
      derived: event.relations.derived.map(({ resource, identifier }) => ({ resource, identifier })),
    },
    ...(event.order !== undefined && {
      contradictions: event.order.contradictions.map(({ kind, field, message }) => ({
        kind,
        field,
        message: shown(message),
      })),
    }),
  });
};

export const ERASURE_TYPE = 'callboard.customer.erased';

export const erasureEvent = (decoded: Decoded<CustomerErased>): JsonObject => {
  const { guid, subject, changes, askedBy } = decoded.event;
  return envelope(decoded, ERASURE_TYPE, subject, { erasure: guid, subject, changes, asked_by: askedBy });
};

export const invocationEvent = (
  decoded: Decoded<InvocationEvent>,
  facts: InvocationFacts | undefined,
  isClear: boolean,
): JsonObject => {
  const guid = decoded.stream.slice(streamOf.invocation('').length);
  return envelope(decoded, TYPES[decoded.event.type], guid, {
    invocation: guid,
    webhook: facts?.webhook ?? null,
    change: facts?.change ?? null,
    ...dataOf(decoded.event, isClear),
  });
};

const dataOf = (event: InvocationEvent, isClear: boolean): JsonObject => {
  switch (event.type) {
    case 'InvocationScheduled': {
      const { resource, trigger, identifier, origin, test, retries, ordering, coalesce } = event;
      return {
        test,
        resource,
        trigger,
        identifier,
        origin: { resource: origin.resource, identifier: origin.identifier, trigger: origin.trigger },
        matched: event.matched.map((one) => ({ resource: one.resource, identifier: one.identifier })),
        ...(event.systemEvent !== undefined && { system_event: event.systemEvent }),
        retries,
        retry_base_ms: event.retryBaseMs,
        ordering,
        coalesce,
        ...bodyOf(event.body, isClear),
      };
    }
    case 'AttemptStarted':
      return { number: event.number, url: event.url, webhook_revision: event.webhookRevision };
    case 'AttemptFailed':
      return {
        number: event.number,
        outcome: event.outcome,
        ...resultOf(event.result, isClear),
        next_attempt_at: event.nextAttemptAtMs === null ? null : isoTime(event.nextAttemptAtMs),
      };
    case 'InvocationDelivered':
      return { number: event.number, outcome: 'succeeded', ...resultOf(event.result, isClear) };
    case 'InvocationExhausted':
      return { gone: event.gone };
    case 'InvocationCancelled':
      return { reason: event.reason };
    case 'InvocationSuperseded':
      return { by: event.by };
    case 'RetryRequested':
      return { retries: event.retries, retry_base_ms: event.retryBaseMs };
  }
};

/** As it was sent, to the byte, where `body_is` says so. */
const bodyOf = (body: string, isClear: boolean): JsonObject => {
  if (isClear) return { body, body_is: 'as_sent' };
  const shown = maskedBody(body);
  return { body: shown, body_is: shown === null ? 'withheld' : shown === body ? 'as_sent' : 'masked' };
};

export const excerptOf = ({ responseExcerpt }: AttemptResult, isClear: boolean): string | null =>
  responseExcerpt === null || isClear ? responseExcerpt : maskedExcerpt(responseExcerpt);

const resultOf = (result: AttemptResult, isClear: boolean): JsonObject => ({
  status_code: result.statusCode,
  error: result.error,
  duration_ms: result.durationMs,
  address: result.address,
  response_excerpt: excerptOf(result, isClear),
});

const envelope = (decoded: Decoded, type: string, subject: string, data: JsonObject): JsonObject => {
  const { metadata } = decoded;
  return {
    specversion: '1.0',
    id: decoded.id,
    source: `/callboard/companies/${metadata.companyId}`,
    type,
    subject,
    time: metadata.time,
    datacontenttype: 'application/json',
    companyid: metadata.companyId,
    correlationid: metadata.correlationId,
    causationid: metadata.causationId,
    actor: metadata.actor,
    stream: decoded.stream,
    revision: decoded.revision,
    // As text: an integer of CloudEvents ends at 2^31 - 1.
    position: String(decoded.position),
    eventhash: metadata.hash,
    data,
  };
};
