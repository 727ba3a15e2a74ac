import { isDirect, type Rules } from '../../domain/rules.ts';
import type { OpenTicketSelection, Selection, SystemEvent } from '../../domain/webhook.ts';
import { html, type Html } from '../html.ts';

/** One thing that may happen, and whether it would make the webhook fire. */
interface Way {
  readonly what: string;
  readonly why: string;
  readonly fires: boolean;
}

const SAVING: Readonly<Record<SystemEvent, ReadonlyArray<Way>>> = {
  ORDER_SAVED: [
    { what: 'order sold', why: 'ORDER_SAVED', fires: true },
    { what: 'order refunded', why: 'ORDER_SAVED', fires: true },
    { what: 'order reissued', why: 'ORDER_SAVED', fires: true },
    { what: 'order cancelled', why: 'ORDER_SAVED', fires: true },
  ],
  EVENT_SAVED: [
    { what: 'event saved', why: 'itself', fires: true },
    { what: 'ticket type saved', why: 'belongs to it', fires: true },
    { what: 'product saved', why: 'belongs to it', fires: true },
    { what: 'shop saved', why: 'belongs to it', fires: true },
    { what: 'scanner saved', why: 'belongs to it', fires: true },
  ],
};

const waysOf = (rules: Rules, selection: Selection): ReadonlyArray<Way> =>
  selection.dialect === 'moshtix'
    ? selection.systemEvents.flatMap(({ systemEvent }) => SAVING[systemEvent])
    : openTicketWays(rules, selection);

const openTicketWays = (
  rules: Rules,
  { resource, trigger, triggeredByChildResources }: OpenTicketSelection,
): ReadonlyArray<Way> => [
  ...(isDirect(rules, resource, trigger)
    ? [{ what: `${resource} · ${trigger}`, why: 'itself', fires: true }]
    : []),
  ...rules.propagation
    .filter((rule) => rule.trigger === trigger && rule.reaches.includes(resource))
    .map(({ origin }) => ({
      what: `${origin} · ${trigger}`,
      why: triggeredByChildResources ? 'related' : 'option is off',
      fires: triggeredByChildResources,
    })),
];

const WIDTH = 340;
const BOX_WIDTH = 128;
const BOX_HEIGHT = 30;
const ROW = 40;

/** Who would make a webhook fire: on the left what happens, on the right the webhook; dashed is what does not lead there. */
export const rulesPicture = (rules: Rules, selection: Selection): Html => {
  const ways = waysOf(rules, selection);
  const height = Math.max(1, ways.length) * ROW + 4;
  const middle = height / 2;
  const target = WIDTH - BOX_WIDTH - 1;
  const hears =
    selection.dialect === 'openticket'
      ? `${selection.resource} · ${selection.trigger}`
      : selection.systemEvents.map(({ systemEvent }) => systemEvent).join(' + ');
  const words = ways
    .map(({ what, why, fires }) => `${what} (${why})${fires ? '' : ', which does not make it fire'}`)
    .join('; ');
  return html`<svg
    class="picture"
    viewBox="0 0 ${WIDTH} ${height}"
    width="${WIDTH}"
    height="${height}"
    role="img"
    aria-label="What makes this webhook fire: ${words}"
  >
    ${ways.map((way, index) => wayIn(way, index * ROW + 6, target, middle))}
    <g class="node webhook">
      <rect x="${target}" y="${middle - 20}" width="${BOX_WIDTH}" height="40" rx="6" />
      <text x="${target + BOX_WIDTH / 2}" y="${middle - 3}" text-anchor="middle" class="strong">
        this webhook
      </text>
      <text x="${target + BOX_WIDTH / 2}" y="${middle + 12}" text-anchor="middle" class="small">
        ${hears}
      </text>
    </g>
  </svg>`;
};

const wayIn = ({ what, why, fires }: Way, top: number, target: number, middle: number): Html => {
  const from = BOX_WIDTH + 1;
  const y = top + BOX_HEIGHT / 2;
  const bend = (from + target) / 2;
  return html`<g class="${fires ? 'node' : 'node off'}">
    <path class="edge" d="M${from} ${y} C${bend} ${y} ${bend} ${middle} ${target - 2} ${middle}" />
    <rect x="1" y="${top}" width="${BOX_WIDTH}" height="${BOX_HEIGHT}" rx="6" />
    <text x="${1 + BOX_WIDTH / 2}" y="${top + 13}" text-anchor="middle">${what}</text>
    <text x="${1 + BOX_WIDTH / 2}" y="${top + 25}" text-anchor="middle" class="small">${why}</text>
  </g>`;
};
