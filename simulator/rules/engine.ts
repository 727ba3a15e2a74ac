import { isLeft } from 'fp-ts/lib/Either.js';
import { noAdmission } from '../../src/delivery/admission.ts';
import { fanOut, type FanOutDeps, hearersOf } from '../../src/delivery/fan-out.ts';
import { ORDER_LIFE, type ResourceChange } from '../../src/domain/resource-change.ts';
import { couldFire, type Rules } from '../../src/domain/rules.ts';
import type { Match } from '../../src/domain/matching.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import { silentLog } from '../../src/ports/log.ts';
import { decodeAll } from '../../src/projections/projector.ts';
import type { ActiveWebhook, Routing } from '../../src/projections/read-models.ts';
import { openReadModels } from '../../src/projections/sqlite-read-models.ts';
import { guidOf, type Recording, recordingOf } from './recording.ts';
import type { Scheduled, Subject } from './subject.ts';
import type { Heard, Told, World } from './world.ts';

/** Where the program can be made to do wrong, to see that a property notices. Absent: as it is. */
export interface Seams {
  /** What the matching is told of webhooks and relations. */
  readonly routing?: (routing: Routing) => Routing;
  /** The rules that it works by instead. */
  readonly rules?: (rules: Rules) => Rules;
  readonly hearers?: typeof hearersOf;
  readonly accepts?: typeof couldFire;
}

/**
 * The program itself: its deciders, its read models on SQLite, its matching, its fan-out into a store. Each world gets
 * a store and read models of its own, both in memory.
 */
export const engineWith = (name: string, seams: Seams = {}): Subject => {
  const routingOf = seams.routing ?? ((routing) => routing);
  const rulesOf = seams.rules ?? ((rules) => rules);
  const hearers = seams.hearers ?? hearersOf;

  return {
    name,
    hear: (rules, world) =>
      withReadModels(async (models) => {
        const heard: Heard[] = [];
        const routing = routingOf(models);
        for await (const { step, events } of recordingOf(rules, world).play()) {
          models.apply('routing', events, events.at(-1)?.position ?? 0);
          for (const change of changesIn(events)) {
            heard.push(heardOf(world, step, hearers({ routing, rules: rulesOf(rules) }, change)));
          }
        }
        return heard;
      }),
    hearAfterRebuild: async (rules, world) => {
      const recording = recordingOf(rules, world);
      const steps: Array<readonly [number | 'before', Decoded<ResourceChange>]> = [];
      for await (const { step, events } of recording.play()) {
        steps.push(...changesIn(events).map((change) => [step, change] as const));
      }
      return withReadModels(async (models) => {
        const log = await logOf(recording);
        models.apply('routing', log, log.at(-1)?.position ?? 0);
        const routing = routingOf(models);
        // The newest first, so that no answer can rest on what an older question left behind.
        return steps
          .reverse()
          .map(([step, change]) => heardOf(world, step, hearers({ routing, rules: rulesOf(rules) }, change)))
          .reverse();
      });
    },
    schedule: (rules, world) =>
      withReadModels(async (models) => {
        const recording = recordingOf(rules, world);
        const scheduled: Scheduled[] = [];
        for await (const { step, events } of recording.play()) {
          models.apply('routing', events, events.at(-1)?.position ?? 0);
          for (const change of changesIn(events)) {
            const deps: FanOutDeps = {
              store: recording.store,
              routing: routingOf(models),
              known: models,
              rules: rulesOf(rules),
              defaultRetryBaseMs: 30_000,
              isOurs: () => true,
              wait: async () => false,
              stopped: () => false,
              log: silentLog,
            };
            // Twice: as after a crash between the fan-out and its checkpoint.
            for (const repeated of [false, true]) {
              const task = { changes: [change], admission: noAdmission, repeated, done: 0, newest: 0 };
              await fanOut(deps, task);
            }
            const told = (await logOf(recording)).flatMap(({ event }) =>
              event.type === 'InvocationScheduled' && event.change === change.id ? [event.webhook] : [],
            );
            const names = namesIn(world);
            scheduled.push({ step: numberOf(step), webhooks: told.map((guid) => names.get(guid) ?? guid) });
          }
        }
        return scheduled;
      }),
    accepts: (rules, webhook) =>
      webhook.dialect === 'moshtix' ||
      (seams.accepts ?? couldFire)(rules, webhook.resource, webhook.trigger, webhook.byChildren),
  };
};

/** The program as it is. */
export const engine: Subject = engineWith('the engine');

const withReadModels = async <A>(
  work: (models: ReturnType<typeof openReadModels>) => Promise<A>,
): Promise<A> => {
  const models = openReadModels({ path: ':memory:' });
  try {
    return await work(models);
  } finally {
    models.close();
  }
};

const PAGE = 1_000;

const logOf = async ({ store }: Recording): Promise<ReadonlyArray<Decoded>> => {
  const log: Decoded[] = [];
  for (let after = 0, more = true; more;) {
    const page = await store.readAll({ after, limit: PAGE })();
    if (isLeft(page)) throw new Error(page.left.message);
    log.push(...decodeAll(page.right.events));
    after = page.right.next;
    more = !page.right.atEnd;
  }
  return log;
};

const CHANGE_TYPES: ReadonlySet<string> = new Set([
  'ResourceChanged',
  ...Object.values(ORDER_LIFE).map(({ event }) => event),
]);

/** The reported changes among events of all kinds. */
export const changesIn = (events: ReadonlyArray<Decoded>): ReadonlyArray<Decoded<ResourceChange>> =>
  events.filter((decoded): decoded is Decoded<ResourceChange> => CHANGE_TYPES.has(decoded.event.type));

const numberOf = (step: number | 'before'): number => {
  if (step === 'before') throw new Error('nothing is reported before the first step');
  return step;
};

const heardOf = (
  world: World,
  step: number | 'before',
  matches: ReadonlyArray<Match<ActiveWebhook>>,
): Heard => {
  const names = namesIn(world);
  const told = matches.map(({ subscriber, trigger, systemEvent, matched }): Told => ({
    webhook: names.get(subscriber.webhook) ?? subscriber.webhook,
    by: systemEvent ?? trigger,
    matched: matched.map(({ ref, path }) => ({ ref, path })),
  }));
  return { step: numberOf(step), told };
};

const namesIn = (world: World): ReadonlyMap<string, string> =>
  new Map(world.webhooks.map(({ name }) => [guidOf('webhook', name), name]));
