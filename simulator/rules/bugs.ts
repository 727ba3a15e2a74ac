import { hearersOf } from '../../src/delivery/fan-out.ts';
import type { Match } from '../../src/domain/matching.ts';
import { RESOURCES } from '../../src/domain/resources.ts';
import type { PropagationRule, Rules } from '../../src/domain/rules.ts';
import type { ActiveWebhook, Routing } from '../../src/projections/read-models.ts';
import { engineWith, type Seams } from './engine.ts';
import { guidOf } from './recording.ts';
import type { Subject } from './subject.ts';
import { COMPANIES } from './worlds.ts';

/**
 * The engine with a mistake in it, to see that the properties notice. Each stands for one that somebody could well
 * make; nothing of this is reached unless it is asked for by name.
 */
export interface Bug {
  readonly name: string;
  readonly mistake: string;
  /** Names of properties that must notice; others may as well. */
  readonly caughtBy: ReadonlyArray<string>;
  readonly subject: Subject;
}

const bug = (name: string, mistake: string, caughtBy: ReadonlyArray<string>, seams: Seams): Bug => ({
  name,
  mistake,
  caughtBy,
  subject: engineWith(`the engine with the bug ${name}`, seams),
});

/** Past every position that a world reaches. */
const AT_THE_END = Number.MAX_SAFE_INTEGER - 1;

const routing = (change: (routing: Routing) => Partial<Routing>): Seams => ({
  routing: (real) => ({
    // Not a spread of `real`, whose other functions nobody asks here.
    subscribersTo: (...question) => real.subscribersTo(...question),
    systemSubscribersTo: (...question) => real.systemSubscribersTo(...question),
    lastReport: (...question) => real.lastReport(...question),
    ticketTypesOf: (...question) => real.ticketTypesOf(...question),
    partitionsOf: (...question) => real.partitionsOf(...question),
    belongsTo: (...question) => real.belongsTo(...question),
    ...change(real),
  }),
});

const hearers = (change: (matches: ReadonlyArray<Match<ActiveWebhook>>) => typeof matches): Seams => ({
  hearers: (deps, decoded) => change(hearersOf(deps, decoded)),
});

const rules = (change: (rules: Rules) => Rules): Seams => ({ rules: change });

/** If a reaches b and b reaches c, then a reaches c: the rules applied again at what was reached. */
const closed = ({ propagation, ...others }: Rules): Rules => {
  const again = (rule: PropagationRule): PropagationRule => ({
    ...rule,
    reaches: [
      ...new Set([
        ...rule.reaches,
        ...propagation
          .filter(({ origin, trigger }) => trigger === rule.trigger && rule.reaches.includes(origin))
          .flatMap(({ reaches }) => reaches),
      ]),
    ],
  });
  return { ...others, propagation: propagation.map(again) };
};

const reachingAll: typeof hearersOf = ({ routing: real, rules: given }, decoded) => {
  const { resource, triggers } = decoded.event;
  const missing = triggers.filter(
    (trigger) => !given.propagation.some((rule) => rule.origin === resource && rule.trigger === trigger),
  );
  const fallback = missing.map((trigger) => ({
    origin: resource,
    trigger,
    reaches: RESOURCES,
    source: 'operator' as const,
  }));
  return hearersOf(
    { routing: real, rules: { ...given, propagation: [...given.propagation, ...fallback] } },
    decoded,
  );
};

export const BUGS: ReadonlyArray<Bug> = [
  bug(
    'company-forgotten',
    'webhooks are looked up by resource and trigger alone',
    ['no-foreign-company', 'as-designed'],
    routing((real) => ({
      subscribersTo: (_company, ...question) =>
        COMPANIES.flatMap((name) => real.subscribersTo(guidOf('company', name), ...question)),
    })),
  ),
  bug(
    'told-by-every-way',
    'a webhook is told once for every resource that it is reached through',
    ['at-most-once'],
    hearers((matches) =>
      matches.flatMap((match) => match.matched.map((one) => ({ ...match, matched: [one] }))),
    ),
  ),
  bug(
    'orphans-tell-all',
    'what belongs to nothing is taken to belong to the first event',
    ['relation-removed', 'along-relations', 'as-designed'],
    routing((real) => ({
      belongsTo: (company, at, ref) => {
        const parents = real.belongsTo(company, at, ref);
        const isEvent = ref.resource === 'event';
        return parents.length > 0 || isEvent ? parents : [{ resource: 'event', identifier: '1' }];
      },
    })),
  ),
  bug(
    'first-created-only',
    'only the oldest webhook on the same resource and trigger is found',
    ['webhook-order', 'as-designed'],
    routing((real) => ({
      subscribersTo: (...question) => real.subscribersTo(...question).slice(0, 1),
    })),
  ),
  bug(
    'no-rule-means-all',
    'a trigger without a rule reaches everything',
    ['rule-removed', 'no-second-hop', 'as-designed'],
    { hearers: reachingAll },
  ),
  bug(
    'propagates-again',
    'the rules are applied once more at every resource that was reached',
    ['no-second-hop', 'as-designed'],
    rules(closed),
  ),
  bug(
    'relations-of-today',
    'relations are looked up as they are now, not as they were at the change',
    ['rebuild'],
    routing((real) => ({ belongsTo: (company, _at, ref) => real.belongsTo(company, AT_THE_END, ref) })),
  ),
  bug(
    'webhooks-of-today',
    'webhooks are looked up as they are now, not as they were at the change',
    ['rebuild'],
    routing((real) => ({
      subscribersTo: (company, _at, ...question) => real.subscribersTo(company, AT_THE_END, ...question),
    })),
  ),
  bug(
    'own-relations-ignored',
    'the relations that a change itself carries do not count for it',
    ['as-designed'],
    routing((real) => ({ belongsTo: (company, at, ref) => real.belongsTo(company, at - 1, ref) })),
  ),
  bug(
    'one-level',
    'only what the changed resource belongs to itself is reached',
    ['as-designed'],
    hearers((matches) =>
      matches
        .map((match) => ({ ...match, matched: match.matched.filter(({ path }) => path.length <= 2) }))
        .filter(({ matched }) => matched.length > 0),
    ),
  ),
  bug(
    'eight-levels',
    'the search ends after eight relations',
    ['as-designed'],
    hearers((matches) =>
      matches
        .map((match) => ({ ...match, matched: match.matched.filter(({ path }) => path.length <= 9) }))
        .filter(({ matched }) => matched.length > 0),
    ),
  ),
  bug(
    'children-always',
    'triggered_by_child_resources is not looked at',
    ['as-designed'],
    routing((real) => ({
      subscribersTo: (...question) =>
        real.subscribersTo(...question).map((webhook) => ({ ...webhook, triggeredByChildResources: true })),
    })),
  ),
  bug(
    'by-identifier',
    'what was matched is ordered by identifier alone, not by distance first',
    ['as-designed'],
    hearers((matches) =>
      matches.map((match) => ({
        ...match,
        matched: [...match.matched].sort((a, b) => (a.ref.identifier < b.ref.identifier ? -1 : 1)),
      })),
    ),
  ),
  bug(
    'way-cut-short',
    'only the ends of a long way are kept',
    ['along-relations'],
    hearers((matches) =>
      matches.map((match) => ({
        ...match,
        matched: match.matched.map(({ ref, path }) => ({
          ref,
          path: path.length > 2 ? [...path.slice(0, 1), ref] : path,
        })),
      })),
    ),
  ),
  bug('scans-save-orders', 'ORDER_SAVED fires on scans and plain order triggers as well', ['as-designed'], {
    hearers: (deps, decoded) => {
      const { event } = decoded;
      return event.resource === 'order'
        ? hearersOf(deps, { ...decoded, event: { ...event, type: 'OrderSold' } })
        : hearersOf(deps, decoded);
    },
  }),
  bug('events-saved-by-orders', 'EVENT_SAVED fires when an order of the event changes', ['as-designed'], {
    hearers: (deps, decoded) => {
      const { event } = decoded;
      const saved =
        event.resource === 'order'
          ? hearersOf(deps, { ...decoded, event: { ...event, resource: 'product' } }).filter(
              ({ systemEvent }) => systemEvent === 'EVENT_SAVED',
            )
          : [];
      return [...hearersOf(deps, decoded), ...saved];
    },
  }),
  bug('takes-everything', 'a webhook that nothing could ever fire is saved', ['refusals'], {
    accepts: () => true,
  }),
  bug('direct-only', 'a webhook that only propagation could fire is refused', ['refusals'], {
    accepts: (given, resource, trigger) =>
      given.direct.some((rule) => rule.resource === resource && rule.trigger === trigger),
  }),
];
