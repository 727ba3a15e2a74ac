import { expect } from 'vitest';
import type { WebhookSettings } from '../../src/domain/webhook.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { World } from './engine-world.ts';

/** A webhook as the log tells of it up to some place. */
interface Subscription {
  readonly settings: WebhookSettings;
  readonly enabled: boolean;
}

/**
 * Who must have heard of what, reckoned from the log alone, without rules or tables of the product: for webhooks that
 * hear of their own resource directly. And in which order they were told.
 */
export const auditHearing = async (world: World): Promise<void> => {
  const log = await world.log();
  const webhooks = new Map<string, Subscription>();
  const changeAt = new Map<string, number>();
  const must = new Set<string>();
  const did: string[] = [];
  const newest = new Map<string, number>();
  for (const { event, id, stream, position } of log) {
    if ('fingerprint' in event && 'identifier' in event) {
      expect(changeAt.has(id), `change ${id} is stored once`).toBe(false);
      changeAt.set(id, position);
      for (const [guid, { settings, enabled }] of webhooks) {
        if (enabled && hears(settings, event)) must.add(`${guid} ${id}`);
      }
    } else if (event.type === 'InvocationScheduled') {
      if (event.change === null) continue;
      did.push(`${event.webhook} ${event.change}`);
      const at = changeAt.get(event.change) ?? Number.NaN;
      expect(at, `${event.webhook} is told in the order of the log`).toBeGreaterThan(
        newest.get(event.webhook) ?? 0,
      );
      newest.set(event.webhook, at);
    } else {
      follow(webhooks, stream.slice('webhook-'.length), event);
    }
  }
  expect(did.toSorted()).toEqual([...must].toSorted());
  auditOrder(log);
};

const hears = (
  { selection }: WebhookSettings,
  event: { readonly resource: string; readonly triggers: ReadonlyArray<string>; readonly identifier: string },
): boolean =>
  selection.dialect === 'openticket' &&
  selection.resource === event.resource &&
  event.triggers.includes(selection.trigger) &&
  (selection.identifier === '' || selection.identifier === event.identifier);

const follow = (webhooks: Map<string, Subscription>, guid: string, event: Decoded['event']): void => {
  const known = webhooks.get(guid);
  if (event.type === 'WebhookCreated') webhooks.set(event.guid, { settings: event.settings, enabled: true });
  if (known === undefined) return;
  if (event.type === 'WebhookUpdated') {
    webhooks.set(guid, { ...known, settings: { ...known.settings, ...event.changes } });
  } else if (event.type === 'WebhookEnabled') webhooks.set(guid, { ...known, enabled: true });
  else if (event.type === 'WebhookDisabled') webhooks.set(guid, { ...known, enabled: false });
  else if (event.type === 'WebhookDeleted') webhooks.delete(guid);
};

/** With `per_resource` the first attempt of one comes after all older ones of the same resource have come to an end. */
const auditOrder = (log: ReadonlyArray<Decoded>): void => {
  const keys = new Map<string, string>();
  const unsettled = new Map<string, string[]>();
  for (const { event, stream } of log) {
    if (event.type === 'InvocationScheduled' && event.ordering === 'per_resource') {
      const key = `${event.webhook} ${event.origin.identifier}`;
      keys.set(stream, key);
      unsettled.set(key, [...(unsettled.get(key) ?? []), stream]);
    }
    const key = keys.get(stream);
    if (key === undefined) continue;
    const open = unsettled.get(key) ?? [];
    if (event.type === 'AttemptStarted' && open.includes(stream)) {
      expect(open[0], `${stream} waits for those before it`).toBe(stream);
    }
    const ends =
      event.type === 'InvocationDelivered' ||
      event.type === 'InvocationExhausted' ||
      event.type === 'InvocationCancelled' ||
      event.type === 'InvocationSuperseded';
    if (ends)
      unsettled.set(
        key,
        open.filter((one) => one !== stream),
      );
  }
};
