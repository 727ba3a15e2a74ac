import type { FieldError } from '../failure.ts';
import { html, type Html } from '../html.ts';

/** A moment: in UTC as it stands here; the page's script shows it in the viewer's zone, with UTC at hand. */
export const time = (atMs: number): Html => {
  const iso = new Date(atMs).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time>`;
};

export const timeOr = (atMs: number | null | undefined, otherwise: string): Html =>
  atMs === null || atMs === undefined ? html`<span class="quiet">${otherwise}</span>` : time(atMs);

export type Tone = 'good' | 'bad' | 'busy' | 'off' | 'plain';

/** A word with a colour and a mark: never the colour alone. */
export const badge = (tone: Tone, text: string): Html =>
  html`<span class="badge ${tone}"><i aria-hidden="true"></i>${text}</span>`;

const STATUS_TONES: Readonly<Record<string, Tone>> = {
  delivered: 'good',
  waiting: 'busy',
  in_flight: 'busy',
  exhausted: 'bad',
  cancelled: 'off',
  superseded: 'off',
};

export const statusWords = (status: string): string => status.replace('_', ' ');

export const statusBadge = (status: string): Html =>
  badge(STATUS_TONES[status] ?? 'plain', statusWords(status));

/** The messages of one field, if there are any. */
export const errorsAt = (errors: ReadonlyArray<FieldError>, field: string): ReadonlyArray<string> =>
  errors.filter((error) => error.field === field).map(({ message }) => message);

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly hint?: string;
  readonly errors: ReadonlyArray<FieldError>;
  /** Attributes that tie the control to its hint and its error. */
  readonly control: (attributes: Html) => Html;
}

/** A control with its label above, its hint, and what is wrong with it beside it. */
export const field = ({ name, label, hint, errors, control }: Field): Html => {
  const messages = errorsAt(errors, name);
  const described = [
    ...(hint === undefined ? [] : [`${name}-hint`]),
    ...(messages.length === 0 ? [] : [`${name}-error`]),
  ].join(' ');
  const attributes = html`id="${name}" name="${name}"
  ${described === '' ? null : html`aria-describedby="${described}"`}
  ${messages.length === 0 ? null : html`aria-invalid="true"`}`;
  return html`<div class="field" id="${name}-field">
    <label for="${name}">${label}</label>
    ${control(attributes)} ${hint === undefined ? null : html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${messages.length === 0 ? null : html`<p class="error" id="${name}-error">${sentence(messages)}</p>`}
  </div>`;
};

/** A checkbox: its label stands behind it. */
export const checkbox = (
  name: string,
  label: string,
  checked: boolean,
  hint: string | undefined,
  errors: ReadonlyArray<FieldError> = [],
): Html => {
  const messages = errorsAt(errors, name);
  return html`<div class="field check" id="${name}-field">
    <label
      ><input
        type="checkbox"
        id="${name}"
        name="${name}"
        value="1"
        ${checked ? html`checked` : null}
        ${hint === undefined ? null : html`aria-describedby="${name}-hint"`}
      />
      ${label}</label
    >
    ${hint === undefined ? null : html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${messages.length === 0 ? null : html`<p class="error">${sentence(messages)}</p>`}
  </div>`;
};

/** Messages read on from the name of a field. */
const sentence = (messages: ReadonlyArray<string>): string => {
  const text = messages.join('; ');
  return text.charAt(0).toUpperCase() + text.slice(1);
};

export const option = (value: string, label: string, selected: string): Html =>
  value === selected
    ? html`<option value="${value}" selected>${label}</option>`
    : html`<option value="${value}">${label}</option>`;

export const hidden = (name: string, value: string): Html =>
  html`<input type="hidden" name="${name}" value="${value}" />`;

/** Above a form that was refused: how much is wrong, with a way to each field. */
export const errorSummary = (errors: ReadonlyArray<FieldError>): Html | null =>
  errors.length === 0
    ? null
    : html`<div class="notice bad" role="alert">
        <h2>
          ${errors.length === 1 ? 'One field needs another look' : `${errors.length} fields need another look`}
        </h2>
        <ul>
          ${errors.map(
            ({ field: name, message }) => html`<li><a href="#${name}">${name}</a> ${message}</li>`,
          )}
        </ul>
        <p>Nothing was stored yet. What you typed is still there.</p>
      </div>`;

export const notice = (tone: 'good' | 'bad' | 'plain', content: Html): Html =>
  html`<div class="notice ${tone}" role="status">${content}</div>`;

// Browsers drop one line break behind these tags; without one of ours they would drop the text's own.

/** Text as it is, with its line breaks. */
// prettier-ignore
export const preformatted = (label: string, text: string | Html): Html =>
  html`<pre tabindex="0" aria-label="${label}">${'\n'}${text}</pre>`;

// prettier-ignore
export const textarea = (attributes: Html, text: string): Html =>
  html`<textarea ${attributes}>${'\n'}${text}</textarea>`;

/** Something wide scrolls by itself, with the keyboard too, and never the page. */
export const scroll = (label: string, content: Html): Html =>
  html`<div class="scroll" role="region" aria-label="${label}" tabindex="0">${content}</div>`;

/** An address of ours with these parameters; absent and empty ones are left out. */
export const address = (path: string, query: Readonly<Record<string, string | undefined>>): string => {
  const given = Object.entries(query).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && entry[1] !== '',
  );
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
};

export const pager = (
  next: string | null,
  path: string,
  query: Readonly<Record<string, string | undefined>>,
): Html | null =>
  next === null && query['after'] === undefined
    ? null
    : html`<nav class="pager" aria-label="Pages">
        ${
          query['after'] === undefined
            ? null
            : html`<a class="button" href="${address(path, { ...query, after: undefined })}">Newest</a>`
        }
        ${
          next === null
            ? null
            : html`<a class="button" rel="next" href="${address(path, { ...query, after: next })}">Older</a>`
        }
      </nav>`;

export const count = (many: number, one: string, more = `${one}s`): string =>
  `${many.toLocaleString('en')} ${many === 1 ? one : more}`;
