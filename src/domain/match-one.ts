import { type Match, matchChange, type Subscriber } from './matching.ts';
import type { BelongsTo } from './relations.ts';
import type { Rules } from './rules.ts';
import { matchSaved, type SavedChange, savedBy } from './system-events.ts';
import type { Selection } from './webhook.ts';

/** Whether one webhook, whenever it was there, takes a change, and through what: the same decision as for all of them. */
export const matchOne = <S extends Subscriber>(
  rules: Rules,
  change: SavedChange,
  belongsTo: BelongsTo,
  selection: Selection,
  subscriber: S,
): Match<S> | undefined => {
  if (selection.dialect === 'moshtix') {
    const saved = savedBy(change, belongsTo);
    const listens = selection.systemEvents.some(({ systemEvent }) => systemEvent === saved?.systemEvent);
    return saved !== undefined && listens ? matchSaved(saved, [subscriber])[0] : undefined;
  }
  const { resource, trigger, identifier } = selection;
  if (!change.triggers.includes(trigger)) return undefined;
  const found = matchChange(rules, { ref: change.ref, triggers: [trigger] }, belongsTo, (type, fired, id) =>
    type === resource && fired === trigger && id === identifier ? [subscriber] : [],
  );
  return found[0];
};
