import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { SendOutcome, SendRequest } from '../../../src/ports/http-sender.ts';
import type { RecordedEvent, StreamAppend } from '../../../src/eventstore/event-store.ts';
import type { Journey } from '../network.ts';
import type { Invariant, Violation } from '../violation.ts';
import type { Settings, WebhookBook, WebhookVersion } from './books.ts';
import { CLUSTER_STREAM, ClusterBook } from './cluster.ts';
import { Deliveries, type SignatureOf, type Submission } from './deliveries.ts';
import { type Entry, LogReader } from './entry.ts';
import { hearersOf, Relations } from './hearing.ts';

export interface AuditorDeps {
  readonly nowMs: () => number;
  readonly mark: (name: string) => void;
  readonly openSecret: (sealed: string) => string;
  readonly dense: boolean;
  readonly timeoutMs: number;
  readonly defaultRetryBaseMs: number;
  readonly trueWallMs: () => number | undefined;
  readonly leaseMs: number;
  readonly driftMax: number;
  readonly onViolation: (violation: Violation) => void;
}

/** A change as it stands in the log. */
export interface ChangeBook {
  readonly guid: string;
  readonly key: string;
  readonly content: string;
  readonly durableMoment: number;
  /** What the nodes had said when it was stored. */
  readonly clusterRevision: number;
  /** Webhooks that have to be told and were not scheduled yet, with their settings at the change. */
  readonly awaited: Map<string, Settings>;
}

const SECRET_OVERLAP_MS = 24 * 60 * 60 * 1000;

/** Knows the log, the receivers and the answers to users; of the engine it knows nothing. Checks as things happen. */
export class Auditor {
  readonly webhooks = new Map<string, WebhookBook>();
  readonly webhooksInOrder: WebhookBook[] = [];
  readonly changes = new Map<string, ChangeBook>();
  readonly deliveries: Deliveries;
  readonly cluster: ClusterBook;
  violation: Violation | undefined;
  readonly #deps: AuditorDeps;
  readonly #reader: LogReader;
  readonly #relations = new Relations();
  readonly #submissions = new Map<string, Submission>();
  readonly #claims = new Map<string, string | undefined>();
  readonly #keys = new Map<string, KeyObject>();
  /** Counts everything that is noticed, so that before and after can be told within a millisecond. */
  #moment = 0;
  /** Attempts that were given to the network, by what has become of them. */
  requestsSent = 0;
  /** The newest of what read models are made from, without what nodes say to each other. */
  workHead = 0;

  constructor(deps: AuditorDeps) {
    this.#deps = deps;
    this.#reader = new LogReader(deps.dense, (invariant, message) => this.complain(invariant, message));
    this.cluster = new ClusterBook({
      ...deps,
      complain: (invariant, message) => this.complain(invariant, message),
    });
    this.deliveries = new Deliveries({
      ...deps,
      complain: (invariant, message) => this.complain(invariant, message),
      webhook: (guid) => this.webhooks.get(guid),
      submission: (eventId) => this.#submissions.get(eventId),
      cluster: this.cluster,
    });
  }

  complain(invariant: Invariant, message: string): void {
    if (this.violation !== undefined) return;
    this.violation = { invariant, atMs: this.#deps.nowMs(), message };
    this.#deps.onViolation(this.violation);
  }

  get head(): number {
    return this.#reader.head;
  }

  get moment(): number {
    return this.#moment;
  }

  // The store

  submitted(process: number, batch: ReadonlyArray<StreamAppend>): void {
    this.#moment += 1;
    for (const { events } of batch) {
      for (const { id } of events) {
        if (this.#submissions.has(id)) continue;
        const { revision: clusterRevision } = this.cluster;
        this.#submissions.set(id, { process, moment: this.#moment, clusterRevision });
      }
    }
  }

  /** In log order, as soon as it is on disk. */
  stored(events: ReadonlyArray<RecordedEvent>): void {
    this.#moment += 1;
    for (const event of events) {
      const entry = this.#reader.read(event);
      const { stream } = entry;
      if (stream === CLUSTER_STREAM) {
        this.cluster.read(entry, this.#submissions.get(entry.id)?.process ?? -1);
        continue;
      }
      if (stream.startsWith('claim-')) {
        this.#readClaim(entry);
        continue;
      }
      this.workHead = entry.position;
      if (stream.startsWith('invocation-')) this.#readInvocation(entry);
      else if (stream.startsWith('webhook-')) this.#readWebhook(entry);
      else if (!stream.startsWith('account-') && !stream.startsWith('client-')) this.#readChange(entry);
    }
  }

  /** A process learns that these are in the log. */
  told(process: number, events: ReadonlyArray<RecordedEvent>): void {
    this.#moment += 1;
    for (const { stream, revision } of events) {
      if (stream.startsWith('webhook-')) this.#learns(process, this.webhooks.get(stream.slice(8)), revision);
    }
  }

  /** A process begins: whatever it asks the store from now on shows what is on disk. */
  begins(process: number): void {
    this.#moment += 1;
    for (const webhook of this.webhooks.values()) this.#learns(process, webhook, webhook.versions.length - 1);
  }

  #learns(process: number, webhook: WebhookBook | undefined, revision: number): void {
    const version = webhook?.versions[revision];
    if (webhook === undefined || version === undefined) return;
    if ((webhook.knownBy.get(process)?.revision ?? -1) >= revision) return;
    webhook.knownBy.set(process, { revision, off: version.situation !== 'enabled', moment: this.#moment });
  }

  // The log

  #readWebhook({ type, data, stream, revision, company }: Entry): void {
    const guid = stream.slice('webhook-'.length);
    const atMs = Number(data['atMs']);
    if (type === 'WebhookCreated') {
      const version: WebhookVersion = {
        settings: data['settings'] as Settings,
        situation: 'enabled',
        secrets: [{ sealed: String(data['sealedSecret']), untilMs: Infinity }],
      };
      const book = { guid, company, versions: [version], knownBy: new Map() };
      this.webhooks.set(guid, book);
      this.webhooksInOrder.push(book);
      return;
    }
    const webhook = this.webhooks.get(guid);
    const before = webhook?.versions.at(-1);
    if (webhook === undefined || before === undefined || webhook.versions.length !== revision) {
      return this.complain('S12', `${stream}: ${type} at revision ${revision}`);
    }
    this.#deps.mark(`event.${type}`);
    webhook.versions.push(this.#nextVersion(before, type, data, atMs));
  }

  #nextVersion(before: WebhookVersion, type: string, data: Entry['data'], atMs: number): WebhookVersion {
    switch (type) {
      case 'WebhookUpdated':
        return { ...before, settings: { ...before.settings, ...(data['changes'] as Partial<Settings>) } };
      case 'WebhookEnabled':
        return { ...before, situation: 'enabled' };
      case 'WebhookDisabled':
        return { ...before, situation: 'disabled' };
      case 'WebhookDeleted':
        return { ...before, situation: 'deleted' };
      case 'SecretRotated': {
        const [newest, ...older] = before.secrets;
        const running = older.filter(({ untilMs }) => atMs < untilMs);
        const rotated =
          newest === undefined ? [] : [{ sealed: newest.sealed, untilMs: atMs + SECRET_OVERLAP_MS }];
        const secrets = [{ sealed: String(data['sealedSecret']), untilMs: Infinity }, ...rotated, ...running];
        return { ...before, secrets };
      }
      default:
        this.complain('S12', `a webhook has an event of type ${type}`);
        return before;
    }
  }

  /** Whose report may be stored under an id. */
  #readClaim({ stream, type, data }: Entry): void {
    const fingerprint = type === 'ClaimReleased' ? undefined : String(data['fingerprint']);
    const before = this.#claims.get(stream);
    if (fingerprint === undefined) this.#deps.mark('claim_released');
    else if (before === fingerprint) this.#deps.mark('claim_joined');
    else if (before !== undefined)
      this.complain('S2', `${stream} is claimed for one report, and then for another`);
    this.#claims.set(stream, fingerprint);
  }

  #readChange(entry: Entry): void {
    const { data, id, stream, type } = entry;
    const company = String(data['companyId']);
    const key = `${company} ${String(data['source'])} ${String(data['id'])}`;
    const content = contentOf(data['changeType'], stream, data['data']);
    const known = this.changes.get(id);
    if (known !== undefined) return this.complain('S2', `${stream}: change ${id} is stored a second time`);
    if (!JSON.stringify(data['data']).includes(company))
      this.complain('S11', `${stream}: data of another company`);
    this.#relations.read(entry);
    const awaited = new Map<string, Settings>();
    for (const webhook of hearersOf(entry, this.#relations, this.webhooks.values())) {
      const settings = webhook.versions.at(-1)?.settings;
      if (settings !== undefined) awaited.set(webhook.guid, settings);
    }
    this.#deps.mark(`change.${type}`);
    const { revision: clusterRevision } = this.cluster;
    this.changes.set(id, {
      guid: id,
      key,
      content,
      durableMoment: this.#moment,
      clusterRevision,
      awaited,
    });
  }

  #readInvocation(entry: Entry): void {
    const guid = entry.stream.slice('invocation-'.length);
    const known = this.deliveries.invocations.get(guid);
    if (entry.type !== 'InvocationScheduled') {
      if (known === undefined) return this.complain('S12', `${entry.stream} begins with ${entry.type}`);
      return this.deliveries.read(known, entry);
    }
    if (known !== undefined) return this.complain('S3', `${guid} is scheduled twice`);
    const { data } = entry;
    const webhook = this.webhooks.get(String(data['webhook']));
    const change = data['change'] as string | null;
    if (webhook === undefined) return this.complain('S3', `${guid} is for a webhook that is not there`);
    const invocation = this.deliveries.schedule(entry, webhook);
    this.#deps.mark(`event.${entry.type}`);
    if (invocation.guid !== guid) this.complain('S12', `${entry.stream} is about ${invocation.guid}`);
    if (change === null) return this.#deps.mark('test_invocation');
    const awaited = this.changes.get(change)?.awaited;
    const settings = awaited?.get(webhook.guid);
    if (awaited === undefined || settings === undefined) {
      const why = awaited === undefined ? 'is not in the log' : 'does not reach it, or has told it before';
      return this.complain(
        'S3',
        `${guid}: webhook ${webhook.guid} is told of change ${change}, which ${why}`,
      );
    }
    awaited.delete(webhook.guid);
    this.#noteFanOut(entry.id, this.changes.get(change)?.clusterRevision ?? -1, settings.url);
    if (data['companyId'] !== webhook.company)
      this.complain('S11', `${guid} is of another company than its webhook`);
    const wanted = [
      settings.retries,
      settings.retryBaseMs ?? this.#deps.defaultRetryBaseMs,
      settings.ordering,
      settings.coalesce,
    ].join(' ');
    const has = [data['retries'], data['retryBaseMs'], data['ordering'], data['coalesce']].join(' ');
    if (has !== wanted) this.complain('S4', `${guid} has ${has} instead of its webhook's ${wanted}`);
  }

  /** It was for somebody else to do, who is gone. */
  #noteFanOut(eventId: string, asOf: number, url: string): void {
    const owner = this.cluster.ownerAt(url, asOf);
    const by = this.#submissions.get(eventId)?.process;
    if (owner === undefined || by === undefined || this.cluster.processOf(owner) === by) return;
    if (this.cluster.whyGone(owner) !== undefined) this.#deps.mark('takeover_fan_out');
  }

  // The network

  /** Its lease did not let a process send what it had started. */
  heldBack({ headers }: SendRequest): void {
    this.#deps.mark('lease_run_out');
    const node = this.deliveries.invocations.get(headers['webhook-id'] ?? '')?.attempts.at(-1)?.node;
    if (node !== undefined && this.cluster.whyGone(node) !== undefined) this.#deps.mark('zombie_stopped');
  }

  sent(process: number, request: SendRequest): Journey {
    this.#moment += 1;
    this.requestsSent += 1;
    const attempt = this.deliveries.sent(process, request, this.#signatureOf);
    return {
      seen: () => {
        if (attempt === undefined) return;
        if (attempt.seen) this.complain('S5', `attempt ${attempt.number} at ${attempt.url} arrives twice`);
        attempt.seen = true;
      },
      ended: (outcome: SendOutcome) => {
        if (attempt !== undefined) this.deliveries.ended(attempt, outcome);
      },
    };
  }

  readonly #signatureOf: SignatureOf = ({ guid, webhook, body }, { startMs, webhookRevision }, timestamp) => {
    const secrets = webhook.versions[webhookRevision]?.secrets ?? [];
    return secrets
      .filter(({ untilMs }) => startMs < untilMs)
      .map(({ sealed }) => {
        const signed = createHmac('sha256', this.#key(sealed)).update(`${guid}.${timestamp}.${body}`);
        return `v1,${signed.digest('base64')}`;
      })
      .join(' ');
  };

  #key(sealed: string): KeyObject {
    const known = this.#keys.get(sealed);
    if (known !== undefined) return known;
    const key = createSecretKey(Buffer.from(this.#deps.openSecret(sealed).slice('whsec_'.length), 'base64'));
    this.#keys.set(sealed, key);
    return key;
  }
}

/** What a report says, so that two under one id can be told apart. */
export const contentOf = (changeType: unknown, stream: string, data: unknown): string =>
  JSON.stringify([changeType, stream, data]);
