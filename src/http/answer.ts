import type { Readable } from 'node:stream';

/** What a route answers when it succeeds. */
export interface Answer {
  readonly status: number;
  readonly contentType: string;
  /** A stream that fails, or is cut, breaks the connection off: what was sent before must not look complete. */
  readonly body: string | Readable;
  readonly headers: Readonly<Record<string, string>>;
}

const json = (status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): Answer => ({
  status,
  contentType: 'application/json; charset=utf-8',
  body: JSON.stringify(value),
  headers,
});

export const ok = (value: unknown): Answer => json(200, value);

/** `location` is a path: links are never built from what a client sent as Host. */
export const created = (location: string, value: unknown): Answer => json(201, value, { Location: location });

export const accepted = (value: unknown): Answer => json(202, value);

/** The same, with a path under which it can be looked after. */
export const acceptedAt = (location: string, value: unknown): Answer =>
  json(202, value, { Location: location });

/** Alive, but not to be sent any work. */
export const unavailable = (value: unknown): Answer => json(503, value, { 'Retry-After': '1' });

/** A page or file of the documentation: the same for everybody until the next version. */
export const page = (contentType: string, body: string, status = 200): Answer => ({
  status,
  contentType,
  body,
  headers: { 'Cache-Control': 'public, max-age=300' },
});
