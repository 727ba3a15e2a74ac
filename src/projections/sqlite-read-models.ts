import type { CustomerErased } from '../domain/erasure.ts';
import type { InvocationEvent } from '../domain/invocation.ts';
import type { JobEvent } from '../domain/job.ts';
import type { ResourceChange } from '../domain/resource-change.ts';
import type { WebhookEvent } from '../domain/webhook.ts';
import type { Decoded } from '../eventstore/decoded.ts';
import type { Position } from '../eventstore/event-store.ts';
import { type Log, silentLog } from '../ports/log.ts';
import { openAttemptMinutes } from './attempt-minutes.ts';
import { openBelongings } from './belongings.ts';
import { openChanges } from './changes.ts';
import { openCounters } from './counters.ts';
import { openCustomers } from './customers.ts';
import { openDatabase } from './database.ts';
import { openDictionary } from './dictionary.ts';
import { openDueList } from './due-list.ts';
import { openEventReports } from './event-reports.ts';
import { openInvocationLog } from './invocation-log.ts';
import { openInvocationWriter } from './invocation-writer.ts';
import { openFailed } from './failed.ts';
import { openJobs } from './jobs.ts';
import type { Group, ReadModels } from './read-models.ts';
import { openRelationGraph } from './relation-graph.ts';
import { openWebhookHealth } from './webhook-health.ts';
import { openTallies } from './tallies.ts';
import { openWebhookList } from './webhook-list.ts';
import { openWebhookSearch } from './webhook-search.ts';
import { openWebhookVersions } from './webhook-versions.ts';

export interface ReadModelsOptions {
  /** A file, made with its folder if it is not there, or `:memory:`. */
  readonly path: string;
  /** Tells one event store from another: a file that was built from another one is not taken over. */
  readonly eventStoreId?: string;
  /** Newest position of the event store: a file that is ahead of it was built from another history. */
  readonly storeHead?: Position;
  /** Invocations settled long ago may have lost their scheduling: what is left of them is passed over, not a defect. */
  readonly beginningsMayBeGone?: boolean;
  readonly log?: Log;
}

/**
 * Opens the read models on SQLite. A file of another version or event store, a damaged file and one that is
 * something else are deleted and start empty, with one line in the log. A call may throw when the disk fails or the
 * file turns out to be damaged; the models are closed then, and opened again they go on from their checkpoints.
 */
export const openReadModels = ({
  path,
  eventStoreId,
  storeHead,
  beginningsMayBeGone = false,
  log = silentLog,
}: ReadModelsOptions): ReadModels => {
  const db = openDatabase({ path, eventStoreId, storeHead, log });
  const counters = openCounters(db);

  const routingCompanies = openDictionary(db, 'routing_companies');
  const webhookVersions = openWebhookVersions(db, routingCompanies);
  const belongings = openBelongings(db, routingCompanies);
  const relationGraph = openRelationGraph(db, routingCompanies, belongings);
  const eventReports = openEventReports(db, routingCompanies);
  const webhookList = openWebhookList(db, routingCompanies);
  const webhookSearch = openWebhookSearch(db, routingCompanies);

  const logCompanies = openDictionary(db, 'log_companies');
  const logWebhooks = openDictionary(db, 'log_webhooks');
  const changes = openChanges(db, counters, logCompanies);
  const tallies = openTallies(db, logCompanies, logWebhooks);
  const health = openWebhookHealth(db, logWebhooks);
  const minutes = openAttemptMinutes(db);
  const writer = openInvocationWriter(
    db,
    counters,
    logCompanies,
    logWebhooks,
    changes,
    health,
    minutes,
    tallies,
    beginningsMayBeGone,
  );
  const invocationLog = openInvocationLog(db, counters, logCompanies, logWebhooks, changes);
  const dueList = openDueList(db, logWebhooks);
  const failed = openFailed(db, logCompanies, logWebhooks);
  const jobs = openJobs(db, logCompanies);
  const customers = openCustomers(db, logCompanies);

  const route = (decoded: Decoded): void => {
    switch (decoded.event.type) {
      case 'WebhookCreated':
      case 'WebhookUpdated':
      case 'WebhookEnabled':
      case 'WebhookDisabled':
      case 'WebhookDeleted':
      case 'SecretRotated':
        webhookVersions.add(decoded as Decoded<WebhookEvent>);
        return webhookSearch.add(decoded as Decoded<WebhookEvent>);
      case 'ResourceChanged':
      case 'OrderSold':
      case 'TicketsRefunded':
      case 'TicketsReissued':
      case 'OrderCancelled':
      case 'TicketsScanned':
        relationGraph.add(decoded as Decoded<ResourceChange>);
        return eventReports.add(decoded as Decoded<ResourceChange>);
      default:
        return;
    }
  };

  const record = (decoded: Decoded): void => {
    switch (decoded.event.type) {
      case 'InvocationScheduled':
      case 'AttemptStarted':
      case 'AttemptFailed':
      case 'InvocationDelivered':
      case 'InvocationExhausted':
      case 'InvocationCancelled':
      case 'InvocationSuperseded':
      case 'RetryRequested':
        jobs.did(decoded.event);
        return writer.add(decoded as Decoded<InvocationEvent>);
      case 'ResourceChanged':
      case 'OrderSold':
      case 'TicketsRefunded':
      case 'TicketsReissued':
      case 'OrderCancelled':
      case 'TicketsScanned':
        customers.changed(decoded as Decoded<ResourceChange>);
        return changes.add(decoded as Decoded<ResourceChange>);
      case 'CustomerErased':
        return customers.erased(decoded as Decoded<CustomerErased>);
      case 'JobCreated':
      case 'JobStarted':
      case 'JobProgressed':
      case 'JobPaused':
      case 'JobResumed':
      case 'JobCancelled':
      case 'JobCompleted':
        return jobs.add(decoded as Decoded<JobEvent>);
      default:
        return;
    }
  };

  const forget = (): void => {
    counters.reload();
    for (const part of [routingCompanies, webhookVersions, relationGraph, belongings]) part.forget();
    for (const part of [logCompanies, logWebhooks, changes, writer]) part.forget();
  };

  const write = (events: number, work: () => void): void => {
    try {
      db.write(events, () => {
        work();
        counters.save();
      });
    } catch (error) {
      if (db.isOpen()) forget();
      throw error;
    }
  };

  const checkpoint = (group: Group): number => counters.get(`checkpoint:${group}`);
  const handledUpTo = (): number => counters.get('fanned_out');

  return {
    ...webhookList,
    ...invocationLog,
    ...dueList,
    ...failed,
    searchWebhooks: (...question) => webhookSearch.searchWebhooks(...question),
    changesOfKey: (...question) => customers.changesOfKey(...question),
    countOfKey: (key) => customers.countOfKey(key),
    erasureOfKey: (key) => customers.erasureOfKey(key),
    erasures: (...question) => customers.erasures(...question),
    job: (guid) => jobs.job(guid),
    jobs: (...question) => jobs.jobs(...question),
    openJobs: () => jobs.openJobs(),
    lastJob: (scope) => jobs.lastJob(scope),
    subscribersTo: (...question) => webhookVersions.subscribersTo(...question),
    systemSubscribersTo: (...question) => webhookVersions.systemSubscribersTo(...question),
    partitionsOf: (...question) => webhookVersions.partitionsOf(...question),
    lastReport: (...question) => eventReports.lastReport(...question),
    ticketTypesOf: (...question) => relationGraph.ticketTypesOf(...question),
    belongsTo: (...question) => relationGraph.belongsTo(...question),
    belongingTo: (...question) => belongings.belongingTo(...question),
    wasNamed: (...question) => belongings.wasNamed(...question),
    change: (guid) => changes.change(guid),
    changesOf: (...question) => changes.changesOf(...question),
    health: (...question) => health.health(...question),
    slowest: (...question) => health.slowest(...question),
    minutes: (...question) => minutes.minutes(...question),
    positionAt: (recordedAtMs) => changes.positionAt(recordedAtMs),
    changesInAll: () => changes.changesInAll(),
    tallyOf: (...question) => tallies.tallyOf(...question),
    talliesByCompany: (...question) => tallies.talliesByCompany(...question),
    talliesByWebhook: (...question) => tallies.talliesByWebhook(...question),
    talliesByDay: (...question) => tallies.talliesByDay(...question),
    changesAfter: (fromMs) => changes.changesAfter(fromMs),
    checkpoint,
    apply: (group, events, upTo) => {
      const after = checkpoint(group);
      const news = events.filter((event) => event.position > after);
      const last = Math.max(upTo, news.at(-1)?.position ?? after);
      if (last <= after) return;
      write(news.length, () => {
        if (group === 'routing') {
          for (const event of news) route(event);
          belongings.save();
        } else {
          for (const event of news) record(event);
          changes.save();
          writer.save();
        }
        counters.set(`checkpoint:${group}`, last);
      });
    },
    fannedOutUpTo: () => Math.max(handledUpTo(), counters.get('fan_out_floor')),
    handledUpTo,
    recordFannedOut: (position) => {
      if (position <= handledUpTo()) return;
      write(0, () => counters.set('fanned_out', position));
    },
    close: () => db.close(),
  };
};
