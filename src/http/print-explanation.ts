import type { Explanation, Reason } from '../audit/explain.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { PropagationRule } from '../domain/rules.ts';

/** `code` and `details` say for programs what `reason` says in words. */
export const printedExplanation = (explanation: Explanation) => {
  const { webhook, name, told, words, reason, path, invocation } = explanation;
  return {
    webhook,
    name,
    told,
    reason: words,
    code: reason.code,
    details: detailsOf(reason),
    path,
    invocation: invocation?.guid ?? null,
    status: invocation?.status ?? null,
    ...(invocation?.removedAtMs !== undefined && {
      removed_at: invocation.removedAtMs === null ? null : new Date(invocation.removedAtMs).toISOString(),
    }),
  };
};

const detailsOf = (reason: Reason): JsonObject => {
  switch (reason.code) {
    case 'direct':
      return { trigger: reason.trigger };
    case 'propagated':
      return { trigger: reason.trigger, rule: printedRule(reason.rule) };
    case 'saved':
      return { system_event: reason.systemEvent };
    case 'trigger_differs':
      return { wanted: reason.wanted, fired: reason.fired };
    case 'no_rule':
    case 'no_path':
      return { wanted: { ...reason.wanted }, from: { ...reason.from } };
    case 'identifier_differs':
      return { wanted: { ...reason.wanted }, reached: reason.reached };
    case 'child_resources_off':
      return { wanted: { ...reason.wanted }, rule: printedRule(reason.rule) };
    case 'system_event_differs':
      return { wanted: reason.wanted, saved: reason.saved };
    case 'created_later':
    case 'disabled':
    case 'deleted': {
      const { at, ...deed } = reason.deed;
      return { at: new Date(at).toISOString(), ...deed };
    }
    case 'backfilled':
      return {
        job: reason.job,
        at: new Date(reason.deed.at).toISOString(),
        actor: reason.deed.actor,
      };
    case 'saves_nothing':
    case 'pending':
    case 'other_rules':
      return {};
  }
};

const printedRule = ({ origin, trigger, reaches, source }: PropagationRule): Json => ({
  origin,
  trigger,
  reaches,
  source,
});
