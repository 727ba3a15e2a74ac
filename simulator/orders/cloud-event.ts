import type { JsonObject } from '../../src/domain/json.ts';

/** A CloudEvent 1.0 as `POST /changes` takes it. */
export interface CloudEvent {
  readonly specversion: '1.0';
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject: string;
  readonly time: string;
  readonly companyid: string;
  readonly datacontenttype: 'application/json';
  readonly data: JsonObject;
}

/**
 * One report of the platform. It is kept as the line of JSON that is printed or sent: to write an order's object and
 * then its text would take several times as long, and most reports are never looked at again.
 */
export interface Report {
  readonly type: string;
  readonly companyId: string;
  readonly subject: string;
  /** The CloudEvent as JSON, without a line break. */
  readonly text: string;
}

export const cloudEventOf = ({ text }: Report): CloudEvent => JSON.parse(text) as CloudEvent;

export const reportOfEvent = (event: CloudEvent): Report => ({
  type: event.type,
  companyId: event.companyid,
  subject: event.subject,
  text: JSON.stringify(event),
});
