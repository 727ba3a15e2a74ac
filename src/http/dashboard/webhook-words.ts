import type { KnownWebhook } from '../../commands/webhooks.ts';
import type { Selection } from '../../domain/webhook.ts';

/** What a webhook is called: Moshtix webhooks have a number and no name. */
export const nameOf = ({ facts }: KnownWebhook): string => {
  const { name, selection } = facts.settings;
  return selection.dialect === 'moshtix' && name === '' ? `Moshtix webhook ${selection.id}` : name;
};

/** What it listens to, in a few words. */
export const listensTo = (selection: Selection): string => {
  if (selection.dialect === 'moshtix') {
    return selection.systemEvents.map(({ systemEvent }) => systemEvent).join(', ');
  }
  const { resource, trigger, identifier, triggeredByChildResources } = selection;
  const which = identifier === '' ? resource : `${resource} ${identifier}`;
  return `${which} · ${trigger}${triggeredByChildResources ? ' · and child resources' : ''}`;
};
