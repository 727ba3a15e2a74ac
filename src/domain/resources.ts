/** The kinds of thing a ticketing platform reports changes of. */
export const RESOURCES = ['event', 'ticket', 'product', 'shop', 'order', 'scanner'] as const;
export type Resource = (typeof RESOURCES)[number];

export const TRIGGERS = ['create', 'update', 'delete', 'paid', 'scan', 'relation', 'reorder'] as const;
export type Trigger = (typeof TRIGGERS)[number];

/** As it stands in the `OpenTicket-Trigger` header. */
export const PAST_TENSE: Readonly<Record<Trigger, string>> = {
  create: 'created',
  update: 'updated',
  delete: 'deleted',
  paid: 'paid',
  scan: 'scanned',
  relation: 'related',
  reorder: 'reordered',
};

/** One thing of one company. `ticket` is a ticket type. */
export interface ResourceRef {
  readonly resource: Resource;
  readonly identifier: string;
}

/** Unique inside a company. A resource's name holds no colon, so no two references share a key. */
export const refKey = (ref: ResourceRef): string => `${ref.resource}:${ref.identifier}`;

export const sameRef = (a: ResourceRef, b: ResourceRef): boolean =>
  a.resource === b.resource && a.identifier === b.identifier;

export const isResource = (value: unknown): value is Resource => RESOURCES.includes(value as Resource);

/** Code unit order: the same on every machine and in every locale. */
export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const compareRefs = (a: ResourceRef, b: ResourceRef): number =>
  compareText(a.identifier, b.identifier) || compareText(a.resource, b.resource);
