import { isLeft, right } from 'fp-ts/lib/Either.js';
import { type Explanation, explain, type Reason } from '../audit/explain.ts';
import type { Json, JsonObject } from '../domain/json.ts';
import type { PropagationRule } from '../domain/rules.ts';
import { ok } from './answer.ts';
import { boolean, optional } from './checks.ts';
import type { HttpDeps } from './deps.ts';
import { codecOf, decodeQuery } from './fields.ts';
import { findChange } from './find-change.ts';
import { PAGE_FIELDS, pageOf } from './paging.ts';
import type { Call, Handled, Route } from './routing.ts';

type Deps = Pick<HttpDeps, 'rules' | 'readModels' | 'store' | 'settled' | 'clock'>;

/** Why each webhook of the company was told of a change, or was not. */
export const explainRoutes = (deps: Deps): ReadonlyArray<Route> => {
  const roles = ['partner', 'platform', 'admin'] as const;
  return [
    { method: 'GET', path: '/changes/:change/explain', roles, handle: (call) => explainChange(deps, call) },
  ];
};

const QUERY = codecOf({ ...PAGE_FIELDS, told: optional(boolean) });

/** Webhooks looked at for one page: with a filter few of them may pass it. */
const LOOKED_AT_MAX = 1_000;

const explainChange = async (deps: Deps, call: Call): Handled => {
  const query = decodeQuery(QUERY, call.query);
  if (isLeft(query)) return query;
  const { limit, after, told } = query.right;
  const change = await findChange(deps, call);
  if (isLeft(change)) return change;

  const found: Explanation[] = [];
  let cursor = after ?? 0;
  let lookedAt = 0;
  let atEnd = false;
  while (found.length <= limit && lookedAt < LOOKED_AT_MAX && !atEnd) {
    const some = await explain(deps, change.right, cursor, limit + 1);
    if (isLeft(some)) return some;
    found.push(...some.right.filter((one) => told === undefined || one.told === told));
    lookedAt += some.right.length;
    atEnd = some.right.length <= limit;
    cursor = some.right.at(-1)?.cursor ?? cursor;
  }
  const { rows, next } = pageOf(found, limit, (one) => one.cursor);
  // What was looked at last ends the page where the filter passes too little of it.
  const end = next === null && !atEnd ? pageOf([{ cursor }, { cursor }], 1, (one) => one.cursor).next : next;
  return right(ok({ change: change.right.guid, items: rows.map(printed), next: end }));
};

/** `code` and `details` say for programs what `reason` says in words. */
const printed = (explanation: Explanation) => {
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
