import {
  COMPARED,
  type Compared,
  type Rounds,
  type Shadowed,
  type WebhookShadow,
} from '../../audit/shadow.ts';
import type { Round } from '../../audit/shadow-retries.ts';
import { Html, html } from '../../http/html.ts';

/** What was asked to be otherwise, as the command line named it. */
export type ShadowTried = Readonly<Record<string, string>>;

const IN_WORDS: Readonly<Record<Compared, string>> = {
  equal: 'the same, byte for byte',
  differs: 'told, with another body',
  only_before: 'told then, and would not be',
  only_after: 'not told then, and would be',
};

const WEBHOOKS_SHOWN_MAX = 10;

/** For a terminal. */
export const shadowText = (tried: ShadowTried, { changes, counts, rounds, webhooks }: Shadowed): string => {
  const named = Object.entries(tried).map(([name, value]) => `${name} ${value}`);
  const lines = [`Tried: ${named.join(', ')}`, `${changes} changes; nothing was sent.`];
  for (const compared of COMPARED)
    lines.push(`${String(counts[compared]).padStart(9)}  ${IN_WORDS[compared]}`);
  if (rounds.compared > 0) lines.push(...roundsText(rounds));
  const others = webhooks.filter(isOtherwise);
  for (const { webhook, counts: of } of others.slice(0, WEBHOOKS_SHOWN_MAX)) {
    lines.push(
      `webhook ${webhook}: ${of.differs} with another body, ${of.only_before} less, ${of.only_after} more`,
    );
  }
  if (others.length > WEBHOOKS_SHOWN_MAX)
    lines.push(`… and ${others.length - WEBHOOKS_SHOWN_MAX} more webhooks`);
  return `${lines.join('\n')}\n`;
};

const roundsText = ({ compared, before, after, ...of }: Rounds): ReadonlyArray<string> => [
  `First rounds that came to an end: ${compared}`,
  `   attempts  ${of.attemptsBefore} → ${of.attemptsAfter}`,
  `  delivered  ${before.delivered} → ${after.delivered}`,
  `  exhausted  ${before.exhausted} → ${after.exhausted}`,
  `  not known  ${before.unknown} → ${after.unknown}`,
  `     waited  ${seconds(of.waitedMsBefore)} → ${seconds(of.waitedMsAfter)}`,
];

const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

const isOtherwise = ({ counts }: WebhookShadow): boolean =>
  counts.differs + counts.only_before + counts.only_after > 0;

/** For programs. */
export const shadowJson = (tried: ShadowTried, { changes, counts, rounds, webhooks }: Shadowed): string =>
  `${JSON.stringify(
    {
      tried,
      changes,
      counts,
      rounds: printedRounds(rounds),
      webhooks: webhooks.map((one) => ({
        webhook: one.webhook,
        company_id: one.companyId,
        counts: one.counts,
        rounds: printedRounds(one.rounds),
        examples: one.examples.map(({ changeType, recordedAtMs, differences, ...example }) => ({
          ...example,
          type: changeType,
          recorded_at: iso(recordedAtMs),
          differences: differences.map(({ path, before, after }) => ({
            path,
            before: before ?? null,
            after: after ?? null,
          })),
        })),
        attempts: one.roundExamples.map(({ invocation, before, after }) => ({
          invocation,
          before: printedRound(before),
          after: printedRound(after),
        })),
      })),
    },
    null,
    2,
  )}\n`;

const printedRounds = (rounds: Rounds) => ({
  compared: rounds.compared,
  attempts: { before: rounds.attemptsBefore, after: rounds.attemptsAfter },
  waited_ms: { before: rounds.waitedMsBefore, after: rounds.waitedMsAfter },
  outcomes: { before: rounds.before, after: rounds.after },
});

const printedRound = ({ startedAtMs, outcome }: Round) => ({ outcome, started_at: startedAtMs.map(iso) });

const iso = (atMs: number): string => new Date(atMs).toISOString();

/** A page that needs nothing else, and runs nothing: whatever stands in the history is text. */
export const shadowHtml = (tried: ShadowTried, { changes, counts, rounds, webhooks }: Shadowed): string =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'" />
        <title>Shadow replay</title>
        <style>
          ${STYLE}
        </style>
      </head>
      <body>
        <h1>Shadow replay</h1>
        <p>Nothing was sent. ${changes} changes of the history, as they would have been told with:</p>
        <ul>
          ${Object.entries(tried).map(([name, value]) => html`<li>${name}: <code>${value}</code></li>`)}
        </ul>
        <table>
          <tr>
            ${COMPARED.map((compared) => html`<th>${IN_WORDS[compared]}</th>`)}
          </tr>
          <tr>
            ${COMPARED.map((compared) => html`<td>${counts[compared]}</td>`)}
          </tr>
        </table>
        ${rounds.compared > 0 ? roundsHtml(rounds) : null} ${webhooks.map(webhookHtml)}
      </body>
    </html> `.text;

const STYLE = new Html(
  'body{font:15px/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left;vertical-align:top}code{overflow-wrap:anywhere}.before{background:#fdd}.after{background:#dfd}',
);

const roundsHtml = ({ compared, before, after, ...of }: Rounds): Html =>
  html`<h2>Attempts</h2>
    <p>
      ${compared} first rounds came to an end. A receiver is taken to answer as it did to the newest attempt
      on record.
    </p>
    <table>
      <tr>
        <th></th>
        <th>attempts</th>
        <th>delivered</th>
        <th>exhausted</th>
        <th>not known</th>
        <th>waited</th>
      </tr>
      <tr>
        <th>then</th>
        <td>${of.attemptsBefore}</td>
        <td>${before.delivered}</td>
        <td>${before.exhausted}</td>
        <td>${before.unknown}</td>
        <td>${seconds(of.waitedMsBefore)}</td>
      </tr>
      <tr>
        <th>so</th>
        <td>${of.attemptsAfter}</td>
        <td>${after.delivered}</td>
        <td>${after.exhausted}</td>
        <td>${after.unknown}</td>
        <td>${seconds(of.waitedMsAfter)}</td>
      </tr>
    </table>`;

const webhookHtml = (one: WebhookShadow): Html =>
  html`<h2>Webhook <code>${one.webhook}</code></h2>
    <p>
      Company <code>${one.companyId}</code>.
      ${COMPARED.map((compared) => `${IN_WORDS[compared]}: ${one.counts[compared]}. `)}
    </p>
    ${one.examples.map(
      (example) =>
        html`<h3>${IN_WORDS[example.compared]}: ${example.changeType}, ${iso(example.recordedAtMs)}</h3>
          <p>
            Change <code>${example.change}</code>, invocation <code>${example.invocation}</code>, path
            ${example.path.map(({ resource, identifier }) => `${resource} ${identifier}`).join(' → ')}
          </p>
          ${
            example.differences.length === 0
              ? null
              : html`<table>
                  <tr>
                    <th>where</th>
                    <th>then</th>
                    <th>so</th>
                  </tr>
                  ${example.differences.map(
                    ({ path, before, after }) =>
                      html`<tr>
                        <td><code>${path}</code></td>
                        <td class="before"><code>${before ?? 'nothing'}</code></td>
                        <td class="after"><code>${after ?? 'nothing'}</code></td>
                      </tr>`,
                  )}
                </table>`
          }`,
    )}
    ${one.roundExamples.map(
      ({ invocation, before, after }) =>
        html`<h3>Attempts of <code>${invocation}</code></h3>
          <table>
            <tr>
              <th>then: ${before.outcome}</th>
              <td>${before.startedAtMs.map(iso).join(', ')}</td>
            </tr>
            <tr>
              <th>so: ${after.outcome}</th>
              <td>${after.startedAtMs.map(iso).join(', ')}</td>
            </tr>
          </table>`,
    )}`;
