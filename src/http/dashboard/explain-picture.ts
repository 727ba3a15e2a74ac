import type { Explanation } from '../../audit/explain.ts';
import type { KnownInvocation } from '../../commands/invocations.ts';
import type { ResourceRef } from '../../domain/resources.ts';
import { html, type Html } from '../html.ts';

/** One webhook that was told, with what was sent to it. */
export interface ToldWebhook {
  readonly explanation: Explanation;
  readonly invocation: KnownInvocation | undefined;
}

const BOX = { width: 164, height: 40 } as const;
const GAP = 30;
const ROW = 56;
const MARGIN = 4;
const MARKS_MAX = 8;
const MARK = 18;
const TEXT_MAX = 22;

interface Node {
  readonly key: string;
  readonly column: number;
  readonly title: string;
  readonly text: string;
  readonly kind: 'change' | 'resource' | 'rule' | 'webhook';
  readonly href?: string;
  readonly parent: string | undefined;
  /** The rows of the webhooks that lie behind it. */
  readonly rows: number[];
}

/**
 * change → the way over relations → the rule → the webhook → its attempts, with what is shared drawn once. Ways that begin alike
 * have to stand together in `told`.
 */
export const explainPicture = (
  origin: { readonly ref: ResourceRef; readonly what: string },
  told: ReadonlyArray<ToldWebhook>,
  withLinks: boolean,
): Html => {
  const nodes = nodesOf(origin, told, withLinks);
  const columns = Math.max(...nodes.map(({ column }) => column)) + 1;
  const marksMost = Math.min(
    MARKS_MAX,
    Math.max(0, ...told.map(({ invocation }) => invocation?.facts.attempts.length ?? 0)),
  );
  const width = columns * (BOX.width + GAP) + marksMost * MARK + 2 * MARGIN;
  const height = told.length * ROW + MARGIN;
  const places = new Map(nodes.map((node) => [node.key, placeOf(node)]));
  return html`<svg
    class="picture explain"
    viewBox="0 0 ${width} ${height}"
    width="${width}"
    height="${height}"
    role="group"
    aria-label="Who was told of this change, and why; the list below says the same in words"
  >
    ${nodes.map((node) => edge(places, node))} ${nodes.map((node) => box(places, node))}
    ${told.map((one, row) => marks(one, row, columns * (BOX.width + GAP)))}
  </svg>`;
};

const nodesOf = (
  origin: { readonly ref: ResourceRef; readonly what: string },
  told: ReadonlyArray<ToldWebhook>,
  withLinks: boolean,
): ReadonlyArray<Node> => {
  const nodes = new Map<string, Node>();
  const put = (node: Omit<Node, 'rows'>, row: number): string => {
    const known = nodes.get(node.key) ?? { ...node, rows: [] };
    known.rows.push(row);
    nodes.set(node.key, known);
    return node.key;
  };
  const deepest = Math.max(1, ...told.map(({ explanation }) => explanation.path.length));
  told.forEach(({ explanation }, row) => {
    let parent = put(
      {
        key: 'change',
        column: 0,
        title: origin.what,
        text: `${origin.ref.resource} ${origin.ref.identifier}`,
        kind: 'change',
        parent: undefined,
      },
      row,
    );
    explanation.path.slice(1).forEach((ref, index) => {
      const key = `${parent}>${ref.resource}:${ref.identifier}`;
      const { resource: title, identifier: text } = ref;
      parent = put({ key, column: index + 1, title, text, kind: 'resource', parent }, row);
    });
    const [title, text] = ruleOf(explanation);
    parent = put(
      { key: `${parent}>rule:${title}:${text}`, column: deepest, title, text, kind: 'rule', parent },
      row,
    );
    put(
      {
        key: `webhook:${explanation.webhook}`,
        column: deepest + 1,
        title: explanation.name,
        text: explanation.invocation?.status.replace('_', ' ') ?? 'not yet',
        kind: 'webhook',
        ...(withLinks && { href: `/dashboard/webhooks/${explanation.webhook}` }),
        parent,
      },
      row,
    );
  });
  return [...nodes.values()];
};

const ruleOf = ({ reason, path }: Explanation): readonly [string, string] => {
  switch (reason.code) {
    case 'direct':
      return ['direct', `listens to ${reason.trigger}`];
    case 'propagated':
      return [
        `rule (${reason.rule.source})`,
        `${reason.rule.origin} ${reason.rule.trigger} → ${path.at(-1)?.resource ?? reason.rule.reaches.join(', ')}`,
      ];
    case 'saved':
      return ['system event', reason.systemEvent];
    default:
      return ['rule', reason.code.replaceAll('_', ' ')];
  }
};

interface Place {
  readonly x: number;
  readonly y: number;
}

const placeOf = ({ column, rows }: Node): Place => {
  const middle = ((rows[0] ?? 0) + (rows.at(-1) ?? 0)) / 2;
  return { x: MARGIN + column * (BOX.width + GAP), y: MARGIN + middle * ROW + (ROW - BOX.height) / 2 };
};

const edge = (places: ReadonlyMap<string, Place>, node: Node): Html | null => {
  const from = node.parent === undefined ? undefined : places.get(node.parent);
  const to = places.get(node.key);
  if (from === undefined || to === undefined) return null;
  const [x1, y1] = [from.x + BOX.width, from.y + BOX.height / 2];
  const [x2, y2] = [to.x, to.y + BOX.height / 2];
  // The bend lies between two columns, then it is straight: a line never passes behind a box that it has nothing to do with.
  const [middle, end] = [x1 + GAP / 2, x1 + GAP];
  return html`<path class="edge" d="M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${end} ${y2} H${x2}" />`;
};

const box = (places: ReadonlyMap<string, Place>, node: Node): Html => {
  const { x, y } = places.get(node.key) ?? { x: 0, y: 0 };
  const content = html`<rect x="${x}" y="${y}" width="${BOX.width}" height="${BOX.height}" rx="6" />
    <text x="${x + BOX.width / 2}" y="${y + 17}" text-anchor="middle" class="strong"
      >${short(node.title)}</text
    >
    <text x="${x + BOX.width / 2}" y="${y + 32}" text-anchor="middle" class="small">${short(node.text)}</text>
    <title>${node.title}: ${node.text}</title>`;
  return html`<g class="node ${node.kind}">
    ${node.href === undefined ? content : html`<a href="${node.href}">${content}</a>`}
  </g>`;
};

const short = (text: string): string => {
  const characters = Array.from(text);
  return characters.length > TEXT_MAX ? `${characters.slice(0, TEXT_MAX - 1).join('')}…` : text;
};

/** One mark an attempt, in order: a tick, a cross, or dots while it runs. */
const marks = ({ invocation }: ToldWebhook, row: number, x: number): Html => {
  const attempts = invocation?.facts.attempts ?? [];
  const y = MARGIN + row * ROW + ROW / 2;
  const shown = attempts.slice(-MARKS_MAX);
  return html`<g class="marks">
    ${shown.map(({ number, ended }, index) => {
      const outcome = ended?.outcome ?? 'running';
      const good = outcome === 'succeeded';
      const centre = x + index * MARK + MARK / 2;
      const mark = good ? '✓' : outcome === 'running' ? '…' : '✗';
      return html`<g class="mark ${good ? 'good' : outcome === 'running' ? 'busy' : 'bad'}">
        <circle cx="${centre}" cy="${y}" r="8" />
        <text x="${centre}" y="${y + 4}" text-anchor="middle">${mark}</text>
        <title>Attempt ${number}: ${outcome} ${ended?.result.statusCode ?? ended?.result.error ?? ''}</title>
      </g>`;
    })}
  </g>`;
};
