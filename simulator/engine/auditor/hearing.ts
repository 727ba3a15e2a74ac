import type { Entry } from './entry.ts';
import type { WebhookBook, WebhookVersion } from './books.ts';

/** Who hears of a change, written from the text of the design, by brute force. */

/** Which triggers a resource has; some of them reach what it belongs to. */
const DIRECT: Readonly<Record<string, string>> = {
  event: 'create update delete relation reorder',
  ticket: 'create update delete relation reorder',
  product: 'create update delete relation reorder',
  shop: 'create update paid',
  order: 'create update delete paid scan',
  scanner: 'scan',
};

const REACHES: Readonly<Record<string, string>> = {
  'ticket create': 'event',
  'ticket update': 'event',
  'ticket delete': 'event',
  'product create': 'event',
  'product update': 'event',
  'product delete': 'event',
  'shop paid': 'event ticket product',
  'shop update': 'event',
  'order create': 'event',
  'order delete': 'event',
  'order scan': 'event ticket product',
  'order paid': 'event ticket product',
};

const ORDER_SAVED = 'OrderSold TicketsRefunded TicketsReissued OrderCancelled';
const EVENT_SAVED = 'create update delete';

const has = (words: string | undefined, word: string): boolean => (words ?? '').split(' ').includes(word);

interface Ref {
  readonly resource: string;
  readonly identifier: string;
}

/** The resources of all companies, and what they belong to as of the newest change that was read. */
export class Relations {
  /** By company and `resource:identifier`. */
  readonly #parents = new Map<string, ReadonlyArray<Ref>>();

  read({ data }: Entry): void {
    const { declared, derived } = data['relations'] as Readonly<Record<string, ReadonlyArray<Ref>>>;
    const { resource, identifier } = data as unknown as Ref;
    this.#parents.set(keyOf(String(data['companyId']), { resource, identifier }), [
      ...(declared ?? []),
      ...(derived ?? []),
    ]);
  }

  /** Everything that the resource belongs to, over any number of steps, without itself. */
  above(company: string, origin: Ref): ReadonlyArray<Ref> {
    const known = new Map([[keyOf(company, origin), origin]]);
    // A Map goes on with what is added while it is walked through.
    for (const ref of known.values()) {
      for (const parent of this.#parents.get(keyOf(company, ref)) ?? []) {
        const key = keyOf(company, parent);
        if (!known.has(key)) known.set(key, parent);
      }
    }
    return [...known.values()].slice(1);
  }
}

const keyOf = (company: string, { resource, identifier }: Ref): string =>
  `${company} ${resource}:${identifier}`;

/** The webhooks of its company that have to hear of this change; `relations` with those it carries itself. */
export const hearersOf = (
  change: Entry,
  relations: Relations,
  webhooks: Iterable<WebhookBook>,
): ReadonlyArray<WebhookBook> => {
  const company = String(change.data['companyId']);
  const { resource, identifier } = change.data as unknown as Ref;
  const triggers = change.data['triggers'] as ReadonlyArray<string>;
  const origin = { resource, identifier };
  const above = relations.above(company, origin);
  const hears = ({ settings, situation }: WebhookVersion): boolean => {
    if (situation !== 'enabled') return false;
    const { selection } = settings;
    if (selection.dialect === 'moshtix') {
      return (selection.systemEvents ?? []).some(({ systemEvent }) =>
        systemEvent === 'ORDER_SAVED'
          ? resource === 'order' && has(ORDER_SAVED, change.type)
          : resource !== 'order' &&
            triggers.some((trigger) => has(EVENT_SAVED, trigger)) &&
            (resource === 'event' || above.some((ref) => ref.resource === 'event')),
      );
    }
    const { trigger = '' } = selection;
    if (!triggers.includes(trigger)) return false;
    const wanted = (ref: Ref): boolean =>
      ref.resource === selection.resource &&
      (selection.identifier === '' || selection.identifier === ref.identifier);
    if (wanted(origin) && has(DIRECT[resource], trigger)) return true;
    if (selection.triggeredByChildResources !== true) return false;
    return above.some((ref) => has(REACHES[`${resource} ${trigger}`], ref.resource) && wanted(ref));
  };
  const heard: WebhookBook[] = [];
  for (const webhook of webhooks) {
    const newest = webhook.versions.at(-1);
    if (webhook.company === company && newest !== undefined && hears(newest)) heard.push(webhook);
  }
  return heard;
};
