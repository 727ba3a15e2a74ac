import { isLeft, left, right } from 'fp-ts/lib/Either.js';
import { differenceOf } from '../../audit/conservation.ts';
import type { InvocationStatus } from '../../domain/invocation.ts';
import { BUCKETS_MS } from '../../projections/attempt-minutes.ts';
import type { AttemptMinute, SlowWebhook } from '../../projections/read-models.ts';
import type { HttpDeps, NodeStatus } from '../deps.ts';
import { html, type Html } from '../html.ts';
import { INVOCATION_STATUSES } from '../invocations.ts';
import { LiveFeed, type Shown } from './live.ts';
import { SlowList } from './slow-list.ts';
import { badge, scroll, statusWords, time } from './parts.ts';
import { type DashboardRoute, page, type Replied } from './visit.ts';
import { nameOf } from './webhook-words.ts';

type Deps = Pick<HttpDeps, 'readModels' | 'webhooks' | 'nodes' | 'clock'>;

const ROLES = ['admin'] as const;
const EVERY_MS = 1_000;
const MINUTE_MS = 60_000;
const MINUTES_SHOWN = 60;
const SLOW_SHOWN = 5;
/** How the whole server does, live; computed once a second for all who look. */
export const overviewPages = (deps: Deps): ReadonlyArray<DashboardRoute> => {
  const slow = new SlowList(deps, SLOW_SHOWN);
  const feed = new LiveFeed(deps.clock, EVERY_MS, () => shownOf(stateOf(deps)));
  return [
    { method: 'GET', path: '/dashboard/overview', roles: ROLES, handle: () => show(deps, slow) },
    {
      method: 'GET',
      path: '/dashboard/overview/events',
      roles: ROLES,
      handle: async () => {
        const body = feed.follow();
        return body === undefined
          ? left({ _tag: 'TooManyRequests', retryAfterSeconds: 30 })
          : right({
              kind: 'raw',
              status: 200,
              contentType: 'text/event-stream',
              body,
              headers: { 'X-Accel-Buffering': 'no' },
            });
      },
    },
  ];
};

// ---------------------------------------------------------------- numbers

interface State {
  readonly counts: Readonly<Record<InvocationStatus, number>>;
  readonly scheduled: number;
  readonly minutes: ReadonlyArray<AttemptMinute>;
  readonly nowMs: number;
  readonly nodes: ReadonlyArray<NodeStatus>;
}

const stateOf = ({ readModels, nodes, clock }: Deps): State => {
  const nowMs = clock.nowMs();
  return {
    counts: readModels.counts(),
    scheduled: readModels.scheduledInAll(),
    minutes: readModels.minutes(nowMs - (MINUTES_SHOWN - 1) * MINUTE_MS, nowMs),
    nowMs,
    nodes: nodes(),
  };
};

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((total, one) => total + one, 0);

const inWords = (number: number): string => number.toLocaleString('en');

/** The bound of the bucket in which this share of the attempts has ended. */
const percentile = (minutes: ReadonlyArray<AttemptMinute>, share: number): string => {
  const counted = new Array<number>(BUCKETS_MS.length + 1).fill(0);
  for (const { bucket, delivered, failed } of minutes)
    counted[bucket] = (counted[bucket] ?? 0) + delivered + failed;
  const wanted = sum(counted) * share;
  if (wanted === 0) return 'none yet';
  let reached = 0;
  const bucket = counted.findIndex((many) => (reached += many) >= wanted);
  const bound = BUCKETS_MS[bucket];
  return bound === undefined
    ? `over ${inWords(BUCKETS_MS.at(-1) ?? 0)}\u00a0ms`
    : `≤ ${inWords(bound)}\u00a0ms`;
};

const CHART = { width: 600, height: 120 } as const;

interface Chart {
  readonly most: number;
  readonly delivered: string;
  readonly failed: string;
}

const chartOf = ({ minutes, nowMs }: Pick<State, 'minutes' | 'nowMs'>): Chart => {
  const first = Math.floor(nowMs / MINUTE_MS) - MINUTES_SHOWN + 1;
  const series = Array.from({ length: MINUTES_SHOWN }, () => ({ delivered: 0, failed: 0 }));
  for (const { minute, delivered, failed } of minutes) {
    const at = series[minute - first];
    if (at === undefined) continue;
    at.delivered += delivered;
    at.failed += failed;
  }
  const most = Math.max(1, ...series.map(({ delivered, failed }) => Math.max(delivered, failed)));
  const line = (numberOf: (one: { delivered: number; failed: number }) => number): string =>
    series
      .map((one, index) => {
        const x = (index / (MINUTES_SHOWN - 1)) * CHART.width;
        const y = CHART.height - (numberOf(one) / most) * (CHART.height - 8) - 2;
        return `${index === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
      })
      .join('');
  return { most, delivered: line((one) => one.delivered), failed: line((one) => one.failed) };
};

const LATELY_MINUTES = 5;

/** Everything that changes on the page, by the id of its element. */
const shownOf = (state: State): Shown => {
  const { counts, scheduled, minutes, nowMs, nodes } = state;
  const since = Math.floor(nowMs / MINUTE_MS) - LATELY_MINUTES;
  const lately = minutes.filter(({ minute }) => minute >= since);
  // The minute under way has only begun.
  const seconds = (nowMs - since * MINUTE_MS) / 1000;
  const delivered = sum(lately.map((one) => one.delivered));
  const failed = sum(lately.map((one) => one.failed));
  const difference = differenceOf({ scheduled, ...counts });
  const chart = chartOf(state);
  return {
    'live-rate': (delivered / seconds).toLocaleString('en', { maximumFractionDigits: 1 }),
    'live-success':
      delivered + failed === 0 ? 'none yet' : `${((delivered / (delivered + failed)) * 100).toFixed(1)} %`,
    'live-p50': percentile(lately, 0.5),
    'live-p95': percentile(lately, 0.95),
    'live-p99': percentile(lately, 0.99),
    ...Object.fromEntries(INVOCATION_STATUSES.map((status) => [`live-${status}`, inWords(counts[status])])),
    'live-scheduled': inWords(scheduled),
    'live-conserved':
      difference === 0
        ? 'every invocation is accounted for'
        : `${inWords(Math.abs(difference))} invocations are not accounted for`,
    'live-most': `${inWords(chart.most)} a minute`,
    'live-delivered-line@d': chart.delivered,
    'live-failed-line@d': chart.failed,
    ...Object.fromEntries(
      nodes.flatMap(({ node, inFlight, behind, partitions }) => [
        [`live-node-${node}-flight`, inWords(inFlight)],
        [`live-node-${node}-behind`, inWords(behind)],
        [`live-node-${node}-partitions`, inWords(partitions.length)],
      ]),
    ),
  };
};

// ---------------------------------------------------------------- page

const show = async (deps: Deps, slow: SlowList): Replied => {
  const state = stateOf(deps);
  const slowest = await slow.soon();
  const shown = shownOf(state);
  const live = (id: string): Html => html`<span id="${id}">${shown[id] ?? ''}</span>`;
  const fact = (label: string, id: string): Html =>
    html`<div class="fact">
      <dt>${label}</dt>
      <dd>${live(id)}</dd>
    </div>`;
  const names = new Map<string, string>();
  for (const { webhook } of slowest ?? []) {
    const known = await deps.webhooks.get(webhook);
    if (!isLeft(known)) names.set(webhook, nameOf(known.right.webhook));
  }
  return right(
    page(
      'Overview',
      html`<div data-events="/dashboard/overview/events">
        <div class="head">
          <h1>Overview</h1>
          <span class="quiet" data-state role="status">as of ${time(state.nowMs)}</span>
        </div>
        <dl class="figures">
          ${fact('Delivered / s', 'live-rate')} ${fact('Succeeded', 'live-success')}
          ${fact('Half took', 'live-p50')} ${fact('95 % took', 'live-p95')} ${fact('99 % took', 'live-p99')}
        </dl>
        <p class="quiet">All attempts of the last ${LATELY_MINUTES} minutes and of the one under way.</p>
        <section class="card" aria-labelledby="chart">
          <div class="head">
            <h2 id="chart">The last hour</h2>
            <span class="quiet">at most ${live('live-most')}</span>
          </div>
          <svg
            class="chart"
            viewBox="0 0 ${CHART.width} ${CHART.height}"
            preserveAspectRatio="none"
            role="img"
            aria-label="Delivered and failed attempts a minute, over the last hour"
          >
            <path class="delivered" id="live-delivered-line" d="${shown['live-delivered-line@d'] ?? ''}" />
            <path class="failed" id="live-failed-line" d="${shown['live-failed-line@d'] ?? ''}" />
          </svg>
          <p class="axis quiet"><span>an hour ago</span> <span>this minute, so far</span></p>
          <p>${badge('good', 'delivered')} ${badge('bad', 'failed attempts')}</p>
        </section>
        <section aria-labelledby="invocations">
          <h2 id="invocations">Invocations</h2>
          <dl class="figures">
            ${fact('scheduled', 'live-scheduled')}
            ${INVOCATION_STATUSES.map((status) => fact(statusWords(status), `live-${status}`))}
          </dl>
          <p>Conservation: ${live('live-conserved')}.</p>
        </section>
        ${slowOf(slowest, names)} ${nodesOf(state.nodes, live)}
      </div>`,
    ),
  );
};

const slowOf = (slow: ReadonlyArray<SlowWebhook> | undefined, names: ReadonlyMap<string, string>): Html =>
  html`<section aria-labelledby="slow">
    <h2 id="slow">Slowest endpoints of this hour and the one before</h2>
    ${
      slow === undefined
        ? html`<p class="empty">
            They are being looked for. <a href="/dashboard/overview">Load the page again</a> in a few seconds.
          </p>`
        : slow.length === 0
          ? html`<p class="empty">Nothing was sent in this hour and the one before.</p>`
          : html`<table class="stack">
              <thead>
                <tr>
                  <th scope="col">Webhook</th>
                  <th scope="col">Average</th>
                  <th scope="col">Attempts</th>
                </tr>
              </thead>
              <tbody>
                ${slow.map(
                  ({ webhook, averageMs, attempts }) =>
                    html`<tr>
                      <th scope="row">
                        <a href="/dashboard/webhooks/${webhook}">${names.get(webhook) ?? webhook}</a>
                      </th>
                      <td data-label="Average">${inWords(Math.round(averageMs))} ms</td>
                      <td data-label="Attempts">${inWords(attempts)}</td>
                    </tr>`,
                )}
              </tbody>
            </table>`
    }
  </section>`;

const nodesOf = (nodes: ReadonlyArray<NodeStatus>, live: (id: string) => Html): Html =>
  html`<section aria-labelledby="nodes">
    <h2 id="nodes">Nodes</h2>
    ${scroll(
      'Table of nodes',
      html`<table class="stack">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">Partitions</th>
            <th scope="col">In flight</th>
            <th scope="col">Behind the log</th>
            <th scope="col">Since</th>
          </tr>
        </thead>
        <tbody>
          ${nodes.map(
            ({ node, name, isThis, leaving, joinedAtMs, differsIn }) =>
              html`<tr>
                <th scope="row">
                  ${name} ${isThis ? badge('plain', 'this one') : null}
                  ${leaving ? badge('off', 'leaving') : null}
                  ${differsIn.length === 0 ? null : badge('bad', `differs in ${differsIn.join(', ')}`)}
                </th>
                <td data-label="Partitions">${live(`live-node-${node}-partitions`)}</td>
                <td data-label="In flight">${live(`live-node-${node}-flight`)}</td>
                <td data-label="Behind the log">${live(`live-node-${node}-behind`)}</td>
                <td data-label="Since">${time(joinedAtMs)}</td>
              </tr>`,
          )}
        </tbody>
      </table>`,
    )}
  </section>`;
