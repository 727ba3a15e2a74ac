import { createReadStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { systemClock } from '../../src/adapters/system-clock.ts';
import { ChangeIntake } from '../../src/commands/report-changes.ts';
import type { ReportedChange } from '../../src/commands/reported-change.ts';
import { streamOf, uuidV5 } from '../../src/domain/ids.ts';
import { isJsonObject, type Json } from '../../src/domain/json.ts';
import { isDirect, type Rules } from '../../src/domain/rules.ts';
import type { WebhookCreated } from '../../src/domain/webhook.ts';
import { emptyHead, seal } from '../../src/eventstore/codec.ts';
import type { Decoded } from '../../src/eventstore/decoded.ts';
import type { EventStore } from '../../src/eventstore/event-store.ts';
import { openSqliteStore } from '../../src/eventstore/sqlite.ts';
import { changeTypesOf } from '../../src/http/change-types.ts';
import { changesFrom } from '../../src/http/cloud-event.ts';
import { parseJson } from '../../src/http/json-text.ts';
import { decodeAll } from '../../src/projections/projector.ts';
import type { ReadModels } from '../../src/projections/read-models.ts';
import type { History } from './history.ts';
import { everything, type SavedWebhook } from './saved-webhooks.ts';

export interface ChangesHistoryOptions {
  readonly path: string;
  /** The rules that are compared: what either of them lets the platform report is taken. */
  readonly rules: readonly [Rules, Rules];
  /** Undefined: in every company there is one webhook on everything that can be subscribed to. */
  readonly webhooks: ReadonlyArray<SavedWebhook> | undefined;
  /** For a store that is thrown away afterwards. */
  readonly folder: string;
  readonly onProgress?: (share: number) => void;
}

interface Line {
  readonly line: number;
  readonly change: ReportedChange;
}

const BATCH = 500;
const REMARKS_MAX = 20;

/**
 * Changes as lines of CloudEvents, taken in as `POST /changes` takes them: the same checks, duplicates, orders and
 * relations. A line that the server would refuse is remarked and left out.
 */
export const changesHistory = async ({
  path,
  rules,
  webhooks,
  folder,
  onProgress,
}: ChangesHistoryOptions): Promise<Either<string, History>> => {
  const opened = await openSqliteStore({ path: join(folder, 'history.db'), onFatal: () => undefined });
  if (isLeft(opened)) return left(opened.left.message);
  const store = opened.right;
  const bytes = Math.max(statSync(path).size, 1);
  const remarks: string[] = [];
  let refused = 0;
  let duplicates = 0;
  const remark = (line: number, reason: string): void => {
    refused += 1;
    if (remarks.length < REMARKS_MAX) remarks.push(`${path}:${line}: ${reason}; left out`);
  };

  async function* batches(models: ReadModels) {
    const clock = systemClock();
    const intake = new ChangeIntake({
      store,
      clock,
      changes: models,
      caughtUp: async () => true,
      openAccount: async () => right(undefined),
      isStrict: async () => right(false),
      rules: rules[1],
    });
    const reading = {
      types: changeTypesOf(eitherOf(rules)),
      principal: { subject: 'history', role: 'admin', companies: '*', client: null },
    } as const;
    const companies = new Set<string>();
    let after = 0;

    const news = async () => {
      const page = await store.readAll({ after, limit: 2 * BATCH })();
      if (isLeft(page)) throw new Error(page.left.message);
      after = page.right.next;
      return { events: decodeAll(page.right.events), atEnd: page.right.atEnd };
    };
    /** What was stored, in parts. After each the read models know it. */
    async function* stored() {
      for (;;) {
        const { events, atEnd } = await news();
        yield events;
        intake.projectedUpTo(after);
        if (atEnd) return;
      }
    }

    if (webhooks !== undefined) {
      await save(store, webhooks, clock.nowMs());
      yield* stored();
    }
    const only = onlyCompany(webhooks);
    let pending: Line[] = [];

    /** Takes these lines in. Yields what was stored of them. */
    async function* take(lines: ReadonlyArray<Line>): AsyncGenerator<ReadonlyArray<Decoded>> {
      const newcomers = [...new Set(lines.map(({ change }) => change.companyId))].filter(
        (id) => !companies.has(id),
      );
      for (const companyId of newcomers) companies.add(companyId);
      if (webhooks === undefined && newcomers.length > 0) {
        const all = newcomers.flatMap((companyId) => everything(companyId, rules));
        await save(store, all, clock.nowMs());
      }
      let rest = lines;
      while (rest.length > 0) {
        const reported = await intake.report(
          rest.map(({ change }) => change),
          'history',
          'history',
        );
        if (reported._tag === 'Right') {
          duplicates += reported.right.filter(({ status }) => status === 'duplicate').length;
          yield* stored();
          return;
        }
        const failure = reported.left;
        if (failure._tag === 'ChangeConflict') {
          const reason = `id ${failure.id} of ${failure.source} was reported before with other content`;
          remark(rest[failure.index]?.line ?? 0, reason);
          rest = rest.filter((_, at) => at !== failure.index);
        } else if (failure._tag === 'AppendTooLarge' && rest.length > 1) {
          const half = Math.ceil(rest.length / 2);
          yield* take(rest.slice(0, half));
          rest = rest.slice(half);
        } else throw new Error(`line ${rest[0]?.line}: the changes cannot be taken in: ${failure._tag}`);
      }
    }

    let line = 0;
    let read = 0;
    for await (const text of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      line += 1;
      read += Buffer.byteLength(text) + 1;
      if (text.trim() === '') continue;
      const change = changeIn(line === 1 ? text.replace(/^\ufeff/, '') : text, reading, only);
      if (isLeft(change)) remark(line, change.left);
      else pending.push({ line, change: change.right });
      if (pending.length >= BATCH) {
        yield* take(pending);
        pending = [];
        onProgress?.(Math.min(read / bytes, 1));
      }
    }
    yield* take(pending);
  }

  return right({
    what: `the changes in ${path}`,
    groups: ['routing', 'log'],
    batches,
    remarks: () => [
      ...remarks,
      ...(refused > remarks.length ? [`… and ${refused - remarks.length} lines more were left out`] : []),
      ...(duplicates > 0 ? [`${duplicates} lines repeat a change and count once`] : []),
    ],
    close: () => store.close(),
  });
};

const eitherOf = ([a, b]: readonly [Rules, Rules]): Rules => ({
  ...a,
  direct: [...a.direct, ...b.direct.filter(({ resource, trigger }) => !isDirect(a, resource, trigger))],
});

/** Lines without a company are of this one. */
const NAMELESS = '00000000-0000-4000-8000-000000000000';

const onlyCompany = (webhooks: ReadonlyArray<SavedWebhook> | undefined): string => {
  const companies = new Set(webhooks?.map(({ companyId }) => companyId));
  const [first] = companies;
  return companies.size === 1 && first !== undefined ? first : NAMELESS;
};

const changeIn = (
  text: string,
  reading: Parameters<typeof changesFrom>[0],
  company: string,
): Either<string, ReportedChange> => {
  const json = parseJson(text);
  if (isLeft(json)) return left('not JSON');
  const event: Json = isJsonObject(json.right) ? { companyid: company, ...json.right } : json.right;
  const changes = changesFrom(reading, [event], true);
  const change = isLeft(changes) ? undefined : changes.right[0];
  if (change !== undefined) return right(change);
  const errors = isLeft(changes) && changes.left._tag === 'InvalidFields' ? changes.left.errors : [];
  return left(errors.map(({ field, message }) => `${field} ${message}`).join('; '));
};

/** Saved before, under whatever rules there were: nobody asks whether they could fire. */
const save = async (
  store: EventStore,
  webhooks: ReadonlyArray<SavedWebhook>,
  atMs: number,
): Promise<void> => {
  const appends = webhooks.map(({ guid, companyId, settings }) => {
    const stream = streamOf.webhook(guid);
    const event: WebhookCreated = {
      type: 'WebhookCreated',
      guid,
      companyId,
      nonce: '',
      sealedSecret: '',
      settings,
      atMs,
    };
    const cause = { correlationId: guid, causationId: guid, actor: 'history', companyId };
    return seal(stream, emptyHead(stream), [{ id: uuidV5(guid, 'created'), event }], cause).append;
  });
  for (let from = 0; from < appends.length; from += BATCH) {
    const appended = await store.append(appends.slice(from, from + BATCH))();
    if (isLeft(appended)) throw new Error(`the webhooks cannot be stored: ${appended.left._tag}`);
  }
};
