import type { BelongsTo } from '../domain/relations.ts';
import type { CustomRequest, OpenTicketSelection, WebhookSettings } from '../domain/webhook.ts';
import type { Position } from '../eventstore/event-store.ts';
import { activeWebhookOf } from '../projections/active-webhook.ts';
import type { ActiveWebhook, ReadModels, Routing } from '../projections/read-models.ts';
import type { WebhookStep } from './webhook-history.ts';

/** What of the webhooks would be otherwise. What is absent is as it was. */
export interface ShadowSettings {
  readonly selection?: Partial<Omit<OpenTicketSelection, 'dialect'>>;
  /** Of Moshtix webhooks. */
  readonly template?: string;
  readonly retries?: number;
  readonly retryBaseMs?: number;
  /** Of the one webhook: as if it had been there, enabled, from the beginning to the end, as it was last. */
  readonly always?: boolean;
}

/** One webhook with its history, or all of them: those can only have other retries. */
export interface ShadowedWebhook {
  readonly guid: string;
  readonly companyId: string;
  readonly steps: ReadonlyArray<WebhookStep>;
}

/** The routing tables as they would have been. Webhooks live as long as they did: created, disabled and deleted as then. */
export const shadowRouting = (
  models: ReadModels,
  settings: ShadowSettings,
  shadowed: ShadowedWebhook | undefined,
): Routing => {
  const withRetries = (found: ActiveWebhook): ActiveWebhook => ({
    ...found,
    retries: settings.retries ?? found.retries,
    retryBaseMs: settings.retryBaseMs ?? found.retryBaseMs,
  });
  let known: { readonly revision: number; readonly active: Shadow | undefined } | undefined;

  let whole: Shadow | undefined;

  /** The one webhook as it would have been at a position; undefined while it was not enabled. */
  const shadowAt = ({ guid, steps }: ShadowedWebhook, at: Position): Shadow | undefined => {
    if (settings.always === true) return (whole ??= lastOf(guid, steps, settings));
    const revision = models.revisionAt(guid, at) ?? -1;
    if (known?.revision === revision) return known.active;
    const state = steps.findLast(({ decoded }) => decoded.revision <= revision)?.after;
    const active =
      state?.situation === 'enabled'
        ? shadowOf(guid, withSettings(state.facts.settings, settings))
        : undefined;
    known = { revision, active };
    return active;
  };

  const instead = (
    companyId: string,
    at: Position,
    found: ReadonlyArray<ActiveWebhook>,
    takes: (settings: WebhookSettings) => boolean,
  ): ReadonlyArray<ActiveWebhook> => {
    if (shadowed === undefined) return found.map(withRetries);
    if (shadowed.companyId !== companyId) return found;
    const others = found.filter(({ webhook }) => webhook !== shadowed.guid);
    const shadow = shadowAt(shadowed, at);
    return shadow !== undefined && takes(shadow.settings) ? [...others, shadow.active] : others;
  };

  return {
    subscribersTo: (companyId, at, resource, trigger, identifier) =>
      instead(
        companyId,
        at,
        models.subscribersTo(companyId, at, resource, trigger, identifier),
        ({ selection: of }) =>
          of.dialect === 'openticket' &&
          of.resource === resource &&
          of.trigger === trigger &&
          of.identifier === identifier,
      ),
    systemSubscribersTo: (companyId, at, systemEvent) =>
      instead(
        companyId,
        at,
        models.systemSubscribersTo(companyId, at, systemEvent),
        ({ selection: of }) =>
          of.dialect === 'moshtix' && of.systemEvents.some((one) => one.systemEvent === systemEvent),
      ),
    lastReport: (...question) => models.lastReport(...question),
    ticketTypesOf: (...question) => models.ticketTypesOf(...question),
    partitionsOf: (...question) => models.partitionsOf(...question),
    belongsTo: (companyId, at, ref): ReturnType<BelongsTo> => models.belongsTo(companyId, at, ref),
  };
};

interface Shadow {
  readonly active: ActiveWebhook;
  readonly settings: WebhookSettings;
}

const lastOf = (
  guid: string,
  steps: ReadonlyArray<WebhookStep>,
  settings: ShadowSettings,
): Shadow | undefined => {
  const last = steps.at(-1)?.after;
  return last === undefined || last.situation === 'unknown'
    ? undefined
    : shadowOf(guid, withSettings(last.facts.settings, settings));
};

const shadowOf = (guid: string, settings: WebhookSettings): Shadow => ({
  active: activeWebhookOf({ guid, settings }),
  settings,
});

const withSettings = (
  before: WebhookSettings,
  { selection, template, retries, retryBaseMs }: ShadowSettings,
): WebhookSettings => {
  const request: CustomRequest | undefined =
    before.request === undefined || template === undefined
      ? before.request
      : { ...before.request, body: template };
  return {
    ...before,
    selection:
      before.selection.dialect === 'openticket' ? { ...before.selection, ...selection } : before.selection,
    retries: retries ?? before.retries,
    retryBaseMs: retryBaseMs ?? before.retryBaseMs,
    ...(request !== undefined && { request }),
  };
};
