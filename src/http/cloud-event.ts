import { type Either, left, right } from 'fp-ts/lib/Either.js';
import type { ReportedChange } from '../commands/reported-change.ts';
import { isJsonObject, type Json, type JsonObject } from '../domain/json.ts';
import { RESOURCES, type ResourceRef, sameRef } from '../domain/resources.ts';
import type { Principal } from '../ports/tokens.ts';
import { COMPANY_REQUIRED, covers, onlyCompany } from './access.ts';
import type { ChangeType } from './change-types.ts';
import { type Check, guid, nonEmptyText, oneOf, time } from './checks.ts';
import type { FieldError, RequestFailure } from './failure.ts';
import { orderDataErrors } from './order-data.ts';

/**
 * From CloudEvents 1.0 to reported changes. Hot: written by hand with the same checks as the tables of fields, because
 * a codec costs several times as much per event.
 */

export const EVENTS_MAX = 1_000;
export const RELATIONS_MAX = 1_000;
/** Characters of a change's id and source. */
const NAME_MAX = 1_024;
/** Errors that one answer lists. */
export const ERRORS_MAX = 100;

const name = nonEmptyText(NAME_MAX);
const identifier = nonEmptyText();
const resource = oneOf(RESOURCES);
const JSON_CONTENT = /^[^/;\s]+\/(?:json|[^/;\s]+\+json)\s*(?:;|$)/i;

/** What a request's events are checked against. */
export interface EventRules {
  readonly types: ReadonlyMap<unknown, ChangeType>;
  readonly principal: Principal;
}

/** Checks all events as a whole: every error of every event, or all changes. `single` leaves out the `[0].`. */
export const changesFrom = (
  rules: EventRules,
  events: ReadonlyArray<Json>,
  single: boolean,
): Either<RequestFailure, ReadonlyArray<ReportedChange>> => {
  const reader = new EventReader(rules, single);
  const changes: ReportedChange[] = [];
  for (let index = 0; index < events.length && reader.errors.length < ERRORS_MAX; index += 1) {
    const change = reader.read(events[index] as Json, index);
    if (change !== undefined) changes.push(change);
  }
  if (reader.errors.length > 0) return left({ _tag: 'InvalidFields', errors: reader.errors });
  return reader.foreignCompany === undefined
    ? right(changes)
    : left({ _tag: 'CompanyNotAllowed', companyId: reader.foreignCompany });
};

class EventReader {
  readonly errors: FieldError[] = [];
  foreignCompany: string | undefined;
  readonly #rules: EventRules;
  readonly #single: boolean;
  readonly #onlyCompany: string | undefined;
  #index = 0;

  constructor(rules: EventRules, single: boolean) {
    this.#rules = rules;
    this.#single = single;
    this.#onlyCompany = onlyCompany(rules.principal);
  }

  /** The change, or undefined when something was wrong with it. */
  read(event: Json, index: number): ReportedChange | undefined {
    this.#index = index;
    if (!isJsonObject(event)) return this.#refuse('', 'must be a CloudEvent: a JSON object');
    const errorsBefore = this.errors.length;

    if (event['specversion'] !== '1.0') this.#refuse('specversion', 'must be "1.0"');
    const id = this.#checked('id', name, event['id']);
    const source = this.#checked('source', name, event['source']);
    const type = this.#type(event['type']);
    const subject = this.#checked('subject', identifier, event['subject']);
    const companyId = this.#company(event['companyid'] ?? undefined);
    const occurredAtMs = isUnset(event['time']) ? null : this.#checked('time', time, event['time']);
    this.#content(event);
    const data = event['data'] ?? null;
    const declared = this.#relations(data);
    if (type !== undefined && type.eventType !== 'ResourceChanged') {
      for (const { field, message } of orderDataErrors(data)) this.#refuse(field, message);
    }

    if (this.errors.length > errorsBefore) return undefined;
    if (id === undefined || source === undefined || type === undefined || subject === undefined)
      return undefined;
    if (companyId === undefined || occurredAtMs === undefined) return undefined;
    if (declared?.some((ref) => sameRef(ref, { resource: type.resource, identifier: subject })) === true) {
      return this.#refuse('data.relations', 'must not name the resource itself');
    }
    const { changeType, eventType, resource: changed, triggers } = type;
    return {
      companyId,
      changeType,
      eventType,
      resource: changed,
      identifier: subject,
      triggers,
      source,
      id,
      occurredAtMs,
      data,
      declared,
    };
  }

  #type(value: Json | undefined): ChangeType | undefined {
    const { types } = this.#rules;
    return types.get(value) ?? this.#refuse('type', `must be one of ${[...types.keys()].join(', ')}`);
  }

  #company(value: Json | undefined): string | undefined {
    if (value === undefined) return this.#onlyCompany ?? this.#refuse('companyid', COMPANY_REQUIRED);
    const companyId = this.#checked('companyid', guid, value);
    if (companyId !== undefined && !covers(this.#rules.principal, companyId))
      this.foreignCompany ??= companyId;
    return companyId;
  }

  #content(event: JsonObject): void {
    if (!isUnset(event['data_base64'])) this.#refuse('data_base64', 'is not taken: send JSON in data');
    const type = event['datacontenttype'];
    if (isUnset(type)) return;
    if (typeof type !== 'string' || !JSON_CONTENT.test(type)) {
      this.#refuse('datacontenttype', 'must be a JSON media type such as application/json');
    }
  }

  /** Undefined when the data does not speak of relations. */
  #relations(data: Json): ReadonlyArray<ResourceRef> | undefined {
    if (!isJsonObject(data) || !Object.hasOwn(data, 'relations')) return undefined;
    const { relations } = data as { readonly relations: Json };
    if (!Array.isArray(relations)) {
      return this.#refuse('data.relations', 'must be a list of {"resource", "identifier"}');
    }
    if (relations.length > RELATIONS_MAX) {
      return this.#refuse('data.relations', `must have at most ${RELATIONS_MAX} entries`);
    }
    const refs: ResourceRef[] = [];
    for (const [place, entry] of (relations as ReadonlyArray<Json>).entries()) {
      const at = `data.relations[${place}]`;
      if (!isJsonObject(entry)) {
        this.#refuse(at, 'must be a {"resource", "identifier"}');
        continue;
      }
      const type = this.#checked(`${at}.resource`, resource, entry['resource']);
      const named = this.#checked(`${at}.identifier`, identifier, entry['identifier']);
      if (type !== undefined && named !== undefined) refs.push({ resource: type, identifier: named });
    }
    return refs;
  }

  #checked<A>(field: string, check: Check<A>, value: unknown): A | undefined {
    const checked = check(value);
    return checked._tag === 'Right' ? checked.right : this.#refuse(field, checked.left);
  }

  #refuse(field: string, message: string): undefined {
    if (this.errors.length < ERRORS_MAX) {
      this.errors.push({ field: placeOf(field, this.#index, this.#single), message });
    }
    return undefined;
  }
}

/** A field of one of the request's events, as answers name it: `subject`, or `[3].subject` in a batch. */
export const placeOf = (field: string, index: number, single: boolean): string => {
  const place = single ? '' : `[${index}]`;
  const named = place === '' || field === '' ? `${place}${field}` : `${place}.${field}`;
  return named === '' ? 'body' : named;
};

/** In CloudEvents' JSON, null means that an attribute is not there. */
const isUnset = (value: Json | undefined): boolean => value === undefined || value === null;
