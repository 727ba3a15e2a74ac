import type { Invocation } from './api.ts';
import type { Evidence } from './audit.ts';
import { EVENT, NIGHT_OWL, PARKING, WEEKEND } from './evening.ts';
import { type EndedRequest, idOf } from './receiver.ts';
import { type Screen, styled, WIDTH } from './screen.ts';

/** One delivery from both ends: what the receiver saw, and what the engine's log says of it. */

/** Of the named webhook's deliveries the one with the most attempts. */
export const printHardest = (screen: Screen, evidence: Evidence, name: string): void => {
  const subscription = evidence.subscriptions.find((subscribed) => subscribed.name === name);
  const [hardest] = evidence.invocations
    .filter(({ webhook }) => webhook === subscription?.webhook)
    .sort((a, b) => b.attempts.length - a.attempts.length);
  const seen = evidence.requests.filter((request) => idOf(request) === hardest?.guid);
  const last = seen.at(-1);
  if (subscription === undefined || hardest === undefined || last === undefined) return;

  const { origin, trigger } = hardest;
  screen.line(`  path      ${nameOf(origin)}, ${trigger}`);
  screen.line(`            └─ belongs to ${nameOf(hardest)}`);
  screen.line(
    `               └─ webhook ${name}: ${hardest.resource} ${trigger}, triggered_by_child_resources`,
  );
  screen.line(
    `  request   number ${seen.length} of ${seen.length}, as the ${subscription.receiver} receiver saw it`,
  );
  screen.line(`    POST /${last.hook}`);
  for (const [header, value] of Object.entries(last.headers)) screen.line(`    ${header}: ${value}`);
  screen.line();
  for (const line of wrapped(last.body)) screen.line(`    ${line}`);
  screen.line();
  screen.line(`  bodies    SHA-256 of each request’s: ${seen.map(digestOf).join(', ')}`);
  screen.line(`  log       GET /invocations/${hardest.guid}`);
  printAttempts(screen, hardest);
};

const NAMES: Readonly<Record<string, string>> = {
  [`event ${EVENT.id}`]: EVENT.name,
  [`ticket ${WEEKEND.id}`]: WEEKEND.name,
  [`ticket ${NIGHT_OWL.id}`]: NIGHT_OWL.name,
  [`product ${PARKING.id}`]: PARKING.name,
};

const nameOf = ({
  resource,
  identifier,
}: {
  readonly resource: string;
  readonly identifier: string;
}): string => {
  const name = NAMES[`${resource} ${identifier}`];
  return `${resource} ${identifier}${name === undefined ? '' : ` "${name}"`}`;
};

const digestOf = ({ bodyHash }: EndedRequest): string => `${bodyHash.slice(0, 12)}…`;

const LINES_MAX = 16;

const wrapped = (text: string): ReadonlyArray<string> => {
  const width = WIDTH - 4;
  const lines = Array.from({ length: Math.ceil(text.length / width) }, (_, index) =>
    text.slice(index * width, (index + 1) * width),
  );
  const cut = `… ${text.length} characters in all`;
  return lines.length <= LINES_MAX ? lines : [...lines.slice(0, LINES_MAX), styled('dim', cut)];
};

const printAttempts = (screen: Screen, { attempts }: Invocation): void => {
  screen.table(
    [
      { title: '  attempt', align: 'right' },
      { title: 'started' },
      { title: 'outcome' },
      { title: 'took', align: 'right' },
      { title: 'what came back' },
    ],
    attempts.map(({ number, started_at, outcome, duration_ms, status_code, error }) => [
      String(number),
      started_at.slice('2026-08-22T'.length, -1),
      outcome ?? 'running',
      duration_ms === null ? '' : `${duration_ms} ms`,
      status_code === null ? (error ?? '') : `HTTP ${status_code}`,
    ]),
  );
};
