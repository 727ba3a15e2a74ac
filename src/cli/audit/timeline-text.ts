import type { AttemptResult, InvocationEvent, InvocationScheduled } from '../../domain/invocation.ts';
import type { ResourceChange } from '../../domain/resource-change.ts';
import type { ResourceRef } from '../../domain/resources.ts';
import type { Decoded } from '../../eventstore/decoded.ts';
import type { Customers, InvocationRow } from '../../projections/read-models.ts';

/** Characters of an answer that a line shows. */
const EXCERPT_MAX = 120;

/** Each line begins with its time; what follows from it stands below it, two spaces further in. */
export const linesOfChange = (
  { id, event, metadata, revision }: Decoded<ResourceChange>,
  models: Pick<Customers, 'erasureOfKey'>,
) => [
  `${timeOf(event.atMs)} ${event.changeType} fires ${event.triggers.join(', ')}: change ${id}, revision ${revision}`,
  `  reported by ${metadata.actor} in request ${metadata.causationId} as ${JSON.stringify(event.id)} of ${JSON.stringify(event.source)}, occurred at ${timeOf(event.occurredAtMs)}`,
  ...(event.order?.contradictions ?? []).map(({ message }) => `  contradicts what was known: ${message}`),
  ...erasureIn(event, models),
];

const erasureIn = ({ customer }: ResourceChange, models: Pick<Customers, 'erasureOfKey'>) => {
  const row = customer && models.erasureOfKey(customer.id);
  return row === undefined
    ? []
    : [`  ${timeOf(row.atMs)} its personal data was erased by ${row.actor}: erasure ${row.guid}`];
};

export const linesOfInvocation = (
  { guid, webhook, status }: InvocationRow,
  life: ReadonlyArray<Decoded<InvocationEvent>>,
): ReadonlyArray<string> => {
  const [first] = life;
  const heading =
    first?.event.type === 'InvocationScheduled'
      ? `${timeOf(first.event.atMs)} webhook ${webhook} is told ${wayOf(first.event)}: invocation ${guid}, ${status}`
      : `webhook ${webhook} was told: invocation ${guid}, ${status}; its beginning was removed from the log by policy`;
  return [heading, ...life.flatMap(linesOfStep)];
};

const wayOf = ({ resource, identifier, trigger, matched }: InvocationScheduled): string => {
  const path = matched[0]?.path ?? [];
  const way = path.length > 1 ? `, ${path.map(nameOf).join(' → ')}` : '';
  return `of ${nameOf({ resource, identifier })} ${trigger}${way}`;
};

const nameOf = ({ resource, identifier }: ResourceRef): string => `${resource} ${identifier}`;

const linesOfStep = ({ event, metadata }: Decoded<InvocationEvent>): ReadonlyArray<string> => {
  const at = timeOf(event.atMs);
  switch (event.type) {
    case 'InvocationScheduled':
      return [];
    case 'AttemptStarted':
      return [
        `  ${at} attempt ${event.number}: POST ${event.url}, webhook at revision ${event.webhookRevision}${event.node === undefined ? '' : `, by node ${event.node}`}`,
      ];
    case 'AttemptFailed': {
      const next =
        event.nextAttemptAtMs === null
          ? 'no attempt is left'
          : `the next attempt not before ${timeOf(event.nextAttemptAtMs)}`;
      return [`    ${at} ${event.outcome} ${answerIn(event.result)}; ${next}`];
    }
    case 'InvocationDelivered':
      return [`    ${at} succeeded ${answerIn(event.result)}`];
    case 'InvocationExhausted':
      return [
        `  ${at} given up: ${event.gone ? 'the receiver is gone, its webhook is disabled' : 'all attempts failed'}`,
      ];
    case 'InvocationCancelled':
      return [`  ${at} cancelled by ${metadata.actor}: ${event.reason}`];
    case 'InvocationSuperseded':
      return [`  ${at} superseded by invocation ${event.by}`];
    case 'RetryRequested':
      return [`  ${at} retry asked for by ${metadata.actor} in request ${metadata.causationId}`];
  }
};

const answerIn = ({ statusCode, error, durationMs, address, responseExcerpt }: AttemptResult): string => {
  const what = statusCode === null ? (error ?? 'no answer') : `answered ${statusCode}`;
  const excerpt = responseExcerpt === null ? '' : ` ${JSON.stringify(responseExcerpt.slice(0, EXCERPT_MAX))}`;
  return `after ${durationMs} ms${address === null ? '' : ` at ${address}`}: ${what}${excerpt}`;
};

const timeOf = (atMs: number): string => new Date(atMs).toISOString();
