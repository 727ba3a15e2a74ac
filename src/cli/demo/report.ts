import type { Invocation } from './api.ts';
import { expectationsOf, type Evidence, type Findings, isClean } from './audit.ts';
import { type EndedRequest, idOf, isAccepted } from './receiver.ts';
import { wasInterrupted } from './kill.ts';
import { type Screen, styled } from './screen.ts';

/** The tables at the end. */

const RIGHT = { align: 'right' } as const;

/** What was reported, and what came of it. */
export const printChanges = (screen: Screen, evidence: Evidence): void => {
  const expectations = Map.groupBy(expectationsOf(evidence), ({ event }) => event.type);
  const invocations = Map.groupBy(evidence.invocations, ({ change }) => change ?? '');
  const rows = [...Map.groupBy(evidence.accepted, ({ event }) => event.type)].map(([type, accepted]) => {
    const told = Map.groupBy(expectations.get(type) ?? [], ({ subscription }) => subscription.name);
    const deliveries = accepted.flatMap(({ change }) => invocations.get(change) ?? []);
    const attempts = deliveries.flatMap((invocation) => invocation.attempts);
    return [
      type,
      String(accepted.length),
      [...told]
        // Told of all of them, unless a number says otherwise.
        .map(([name, { length }]) => (length === accepted.length ? name : `${name} ${length}`))
        .join(', ') || 'nobody asked',
      String(attempts.length),
      resultOf(deliveries),
    ];
  });
  screen.table(
    [
      { title: 'reported' },
      { title: 'times', ...RIGHT },
      { title: 'had to be told' },
      { title: 'attempts', ...RIGHT },
      { title: 'result' },
    ],
    rows,
  );
};

const resultOf = (deliveries: ReadonlyArray<Invocation>): string => {
  const byStatus = Map.groupBy(deliveries, ({ status }) => status);
  return [...byStatus].map(([status, { length }]) => `${length} ${status}`).join(', ') || '-';
};

/** Each webhook, as its receiver saw it. */
export const printWebhooks = (screen: Screen, { subscriptions, invocations, requests }: Evidence): void => {
  const rows = subscriptions.map(({ name, receiver, webhook }) => {
    const own = invocations.filter((invocation) => invocation.webhook === webhook);
    const attempts = own.flatMap((invocation) => invocation.attempts);
    const seen = requests.filter(({ hook }) => hook === name);
    const seenTimes = (wanted: (request: EndedRequest) => boolean): string =>
      String(seen.filter(wanted).length);
    const status = (code: number) =>
      seenTimes(({ ending }) => ending.kind === 'answered' && ending.status === code);
    return [
      name,
      receiver,
      String(own.length),
      String(attempts.length),
      String(seen.length),
      seenTimes(isAccepted),
      status(500),
      status(503),
      seenTimes(({ ending }) => ending.kind === 'cut'),
      String(attempts.filter(({ outcome }) => outcome === 'interrupted').length),
    ];
  });
  screen.table(
    [
      { title: 'webhook' },
      { title: 'receiver' },
      { title: 'deliveries', ...RIGHT },
      { title: 'attempts', ...RIGHT },
      { title: 'requests', ...RIGHT },
      { title: '2xx', ...RIGHT },
      { title: '500', ...RIGHT },
      { title: '503', ...RIGHT },
      { title: 'hung up', ...RIGHT },
      { title: 'interrupted', ...RIGHT },
    ],
    rows,
  );
};

/** Each attempt that was in flight at the kill, and how it went on. */
export const printInterrupted = (screen: Screen, { invocations, subscriptions }: Evidence): void => {
  const interrupted = invocations.filter(wasInterrupted);
  screen.table(
    [{ title: 'webhook' }, { title: 'about' }, { title: 'attempts' }, { title: 'now' }],
    interrupted
      .slice(0, ROWS_MAX)
      .map(({ webhook, origin, attempts, status }) => [
        subscriptions.find((subscription) => subscription.webhook === webhook)?.name ?? webhook,
        `${origin.resource} ${origin.identifier}`,
        attempts.map(({ number, outcome }) => `${number} ${outcome ?? 'running'}`).join(', '),
        status,
      ]),
  );
  if (interrupted.length > ROWS_MAX) screen.line(`  … and ${interrupted.length - ROWS_MAX} more`);
};

const ROWS_MAX = 12;
const SENTENCES_MAX = 8;

/** The three sides compared, and the last line. Answers whether all is well. */
export const printVerdict = (screen: Screen, evidence: Evidence, findings: Findings): boolean => {
  const { accepted, invocations, requests, duplicates, kills } = evidence;
  const attempts = invocations.flatMap((invocation) => invocation.attempts);
  const requestsById = Map.groupBy(requests, idOf);
  const repeated = [...requestsById.values()].filter((seen) => seen.filter(isAccepted).length > 1).length;
  const retried = [...requestsById.values()].filter(({ length }) => length > 1).length;
  const rows: ReadonlyArray<readonly [what: string, count: number, note: string]> = [
    [
      'changes accepted with 202',
      accepted.length,
      `${duplicates} of them answered "duplicate" when sent again`,
    ],
    [
      'deliveries expected',
      expectationsOf(evidence).length,
      'worked out by the demo, from the tables of the vendor',
    ],
    ['invocations in the API', invocations.length, ''],
    ['attempts in the API', attempts.length, ''],
    ['requests in the receivers’ logs', requests.length, 'every signature, nonce and dedupe key verified'],
    ['  with retries', retried, 'same body bytes, same ids, never early'],
    ['  accepted twice', repeated, 'can only be when the kill comes between answer and record'],
    ['lost', findings.lost.length, ''],
    ['doubled', findings.doubled.length, ''],
    ['told by mistake', findings.unexpected.length, ''],
    ['altered', findings.altered.length, ''],
    ['early', findings.early.length, ''],
  ];
  screen.table(
    [{ title: 'compared' }, { title: 'count', ...RIGHT }, { title: 'note' }],
    rows.map(([what, count, note]) => [what, String(count), note]),
  );
  screen.line();
  const counts = `${count(accepted.length, 'change')}, ${count(invocations.length, 'delivery', 'deliveries')}, ${count(attempts.length, 'attempt')}, ${kills} kill -9`;
  if (isClean(findings)) {
    screen.line(styled(['bold', 'green'], `Nothing was lost, nothing was doubled: ${counts}.`));
    return true;
  }
  for (const [kind, sentences] of Object.entries(findings) as ReadonlyArray<
    [string, ReadonlyArray<string>]
  >) {
    for (const sentence of sentences.slice(0, SENTENCES_MAX)) screen.line(`  ${kind}: ${sentence}`);
    const more = sentences.length - SENTENCES_MAX;
    if (more > 0) screen.line(`  ${kind}: … and ${more} more`);
  }
  screen.line(styled(['bold', 'red'], `Something went wrong, see above: ${counts}.`));
  return false;
};

const count = (n: number, one: string, many = `${one}s`): string => `${n} ${n === 1 ? one : many}`;
