import type { KnownWebhook } from '../../commands/webhooks.ts';
import type { WebhookHealth } from '../../projections/read-models.ts';
import { html, type Html } from '../html.ts';
import { badge, count } from './parts.ts';

const HOUR_MS = 3_600_000;
const HOURS_SHOWN = 24;

/** Whether it can be relied upon, in one word. */
export const healthBadge = (webhook: KnownWebhook, health: WebhookHealth): Html => {
  if (webhook.situation === 'deleted') return badge('off', 'deleted');
  if (webhook.situation === 'disabled') {
    return webhook.reason.kind === 'gone' ? badge('bad', 'disabled: 410 Gone') : badge('off', 'disabled');
  }
  const { deliveredAtMs, failedAtMs } = health;
  if (failedAtMs !== null && failedAtMs > (deliveredAtMs ?? 0)) return badge('bad', 'failing');
  return deliveredAtMs === null ? badge('plain', 'nothing sent yet') : badge('good', 'delivered');
};

interface Hour {
  readonly delivered: number;
  readonly failed: number;
}

const NONE: Hour = { delivered: 0, failed: 0 };

const lastHours = ({ hours }: WebhookHealth, nowMs: number): ReadonlyArray<Hour> => {
  const newest = Math.floor(nowMs / HOUR_MS);
  const known = new Map(hours.map((one) => [one.hour, one]));
  return Array.from(
    { length: HOURS_SHOWN },
    (_, index) => known.get(newest - HOURS_SHOWN + 1 + index) ?? NONE,
  );
};

export const daySums = (health: WebhookHealth, nowMs: number): Hour =>
  lastHours(health, nowMs).reduce(
    (sum, { delivered, failed }) => ({ delivered: sum.delivered + delivered, failed: sum.failed + failed }),
    NONE,
  );

export const dayInWords = (health: WebhookHealth, nowMs: number): string => {
  const { delivered, failed } = daySums(health, nowMs);
  return delivered + failed === 0
    ? 'Nothing was sent in the last 24 hours'
    : `Last 24 hours: ${delivered.toLocaleString('en')} delivered, ${count(failed, 'failed attempt')}`;
};

const BAR = 5;
const HEIGHT = 28;

/** One bar an hour, the newest on the right: failed attempts on top of deliveries. */
export const healthBars = (health: WebhookHealth, nowMs: number): Html => {
  const hours = lastHours(health, nowMs);
  const most = Math.max(1, ...hours.map(({ delivered, failed }) => delivered + failed));
  const heightOf = (many: number): number =>
    many === 0 ? 0 : Math.max(2, Math.round((many / most) * HEIGHT));
  const bars = hours.flatMap(({ delivered, failed }, index) => {
    const good = heightOf(delivered);
    const bad = Math.min(heightOf(failed), HEIGHT - (good === 0 ? 0 : Math.min(good, HEIGHT - 2)));
    const top = Math.min(good, HEIGHT - bad);
    const x = index * BAR;
    return [
      ...(good === 0
        ? []
        : [html`<rect class="good" x="${x}" y="${HEIGHT - top}" width="${BAR - 1}" height="${top}" />`]),
      ...(bad === 0
        ? []
        : [html`<rect class="bad" x="${x}" y="${HEIGHT - top - bad}" width="${BAR - 1}" height="${bad}" />`]),
    ];
  });
  return html`<svg
    class="bars"
    viewBox="0 0 ${HOURS_SHOWN * BAR} ${HEIGHT}"
    width="${HOURS_SHOWN * BAR}"
    height="${HEIGHT}"
    role="img"
    aria-label="${dayInWords(health, nowMs)}"
  >
    <rect class="none" y="${HEIGHT - 1}" width="${HOURS_SHOWN * BAR}" height="1" />
    ${bars}
  </svg>`;
};
