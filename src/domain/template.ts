import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { scanJson } from './template-json.ts';
import { HOLE, type Scan, scanForm, scanOther, scanText, type Writing } from './template-scan.ts';
import { type Placeholder, type TemplateValues, written } from './template-writing.ts';
import { scanXml } from './template-xml.ts';

export type { TemplateValues } from './template-writing.ts';

/**
 * Body templates of Moshtix-style webhooks: `{ "eventType": "@eventType", "contextId": @contextId, "data": @data}`.
 *
 * A template is judged once, when it is saved, and filled in one pass: values are never scanned for placeholders, and
 * how each is escaped was decided by where its placeholder stands. `@@` is a literal `@`, and so is an `@` that no
 * letter follows.
 */

export const TEMPLATE_BYTES_MAX = 64 * 1024;

export type TemplateKind = 'json' | 'form' | 'xml' | 'text' | 'other';

/** What `parseTemplate` made of a template: plain data, to be handed to `renderTemplate` and not to be looked into. */
export interface Template {
  readonly parts: ReadonlyArray<string | Hole>;
}

interface Hole {
  readonly placeholder: Placeholder;
  readonly writing: Writing;
}

/** `reason` tells the template's author what to do; `line` and `column` count characters from 1, `offset` UTF-16 units from 0. */
export interface TemplateRefusal {
  readonly reason: string;
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/** A body is one JSON text in those of sequences, too. */
const JSON_TYPES: ReadonlySet<string> = new Set([
  '',
  'application/json',
  'text/json',
  'text/x-json',
  'application/jsonl',
  'application/x-jsonl',
  'application/ndjson',
  'application/x-ndjson',
  'application/json-seq',
]);
const XML_TYPES: ReadonlySet<string> = new Set(['application/xml', 'text/xml']);

/**
 * By the media type of the Content-Type header, parameters ignored; without one it is JSON. `other` is whatever has an
 * escaping that is not known here, HTML with its scripts included: such a template holds no placeholders.
 */
export const templateKindOf = (contentType: string | undefined): TemplateKind => {
  const mediaType = (contentType ?? '').replace(/;.*$/s, '').trim().toLowerCase();
  if (JSON_TYPES.has(mediaType) || mediaType.endsWith('+json')) return 'json';
  if (XML_TYPES.has(mediaType) || mediaType.endsWith('+xml')) return 'xml';
  if (mediaType === 'application/x-www-form-urlencoded') return 'form';
  return mediaType === 'text/plain' ? 'text' : 'other';
};

const SCANS: Readonly<Record<TemplateKind, Scan>> = {
  json: scanJson,
  form: scanForm,
  xml: scanXml,
  text: scanText,
  other: scanOther,
};

/**
 * Refuses what could not be filled safely whatever the values: in JSON also what could not be valid JSON. Text of the
 * kind `text` has no structure, so values are inserted there as they are.
 */
export const parseTemplate = (text: string, kind: TemplateKind): Either<TemplateRefusal, Template> => {
  const unfit = unfitCharacter(text);
  if (unfit !== null) return left(refusal(text, unfit));
  const marked = markHoles(text);
  if (isLeft(marked)) return marked;
  const { symbols, placeholders, offsetOf } = marked.right;
  const scanned = SCANS[kind](symbols);
  if (isLeft(scanned)) {
    const { reason, at } = scanned.left;
    return left(refusal(text, { reason, offset: offsetOf(at) }));
  }
  return right({ parts: partsOf(symbols, placeholders, scanned.right) });
};

/**
 * The body: well-formed, and in JSON valid as long as `dataJson` is. Its length is bounded by the number of
 * placeholders times the values.
 */
export const renderTemplate = (template: Template, values: TemplateValues): string =>
  renderTemplateWithin(template, values, Number.POSITIVE_INFINITY) ?? '';

/** The same, or undefined when it would be longer than so many code units; then little of it was made. */
export const renderTemplateWithin = (
  template: Template,
  values: TemplateValues,
  unitsMax: number,
): string | undefined => {
  let body = '';
  for (const part of template.parts) {
    // Escaping makes nothing shorter.
    const least = typeof part === 'string' || part.placeholder !== 'data' ? 0 : values.dataJson.length;
    if (body.length + least > unitsMax) return undefined;
    body += typeof part === 'string' ? part : written(part.placeholder, part.writing, values);
  }
  return body.length > unitsMax ? undefined : body;
};

// ---------------------------------------------------------------- characters

interface Unfit {
  readonly reason: string;
  readonly offset: number;
}

const unfitCharacter = (text: string): Unfit | null => {
  const { read } = new TextEncoder().encodeInto(text, new Uint8Array(TEMPLATE_BYTES_MAX));
  if (read < text.length) {
    const most = TEMPLATE_BYTES_MAX.toLocaleString('en-US');
    return { reason: `The template is longer than ${most} bytes of UTF-8: shorten it.`, offset: read };
  }
  const nul = text.indexOf(HOLE);
  if (nul !== -1) return { reason: 'The template holds a NUL character: remove it.', offset: nul };
  const lone = text.search(/\p{Cs}/u);
  if (lone === -1) return null;
  return {
    reason: 'The template holds half of a surrogate pair: remove it, or write the whole character.',
    offset: lone,
  };
};

const LINE_BREAK = /\r\n|\r|\n/;

const refusal = (text: string, { reason, offset }: Unfit): TemplateRefusal => {
  const lines = text.slice(0, offset).split(LINE_BREAK);
  return { reason, offset, line: lines.length, column: Array.from(lines.at(-1) ?? '').length + 1 };
};

// ---------------------------------------------------------------- placeholders

/** The longest name counts, in any script, so that a value is never glued to the rest of a word by mistake. */
const PLACEHOLDER = /@(?:@|(\p{L}[\p{L}\p{M}\p{N}_]*))/gu;

/** They bound the body: a report of 1 MiB, written out so many times, is what an append may hold. */
export const PLACEHOLDERS_MAX = 16;

const PLACEHOLDERS: ReadonlyArray<Placeholder> = ['eventType', 'contextId', 'data'];

interface Marked {
  /** The template with a `HOLE` for each placeholder and an `@` for each `@@`. */
  readonly symbols: string;
  readonly placeholders: ReadonlyArray<Placeholder>;
  /** Where a symbol stands in the template. */
  readonly offsetOf: (at: number) => number;
}

const markHoles = (text: string): Either<TemplateRefusal, Marked> => {
  const placeholders: Placeholder[] = [];
  const resumed = [{ at: 0, offset: 0 }];
  let symbols = '';
  let end = 0;
  for (const { 0: whole, 1: name, index } of text.matchAll(PLACEHOLDER)) {
    const placeholder = PLACEHOLDERS.find((known) => known === name);
    if (name !== undefined && placeholder === undefined) {
      return left(refusal(text, { reason: unknownPlaceholder(whole), offset: index }));
    }
    symbols += text.slice(end, index) + (placeholder === undefined ? '@' : HOLE);
    if (placeholder !== undefined) placeholders.push(placeholder);
    if (placeholders.length > PLACEHOLDERS_MAX) {
      const reason = `The template has more than ${PLACEHOLDERS_MAX} placeholders: use each value fewer times.`;
      return left(refusal(text, { reason, offset: index }));
    }
    end = index + whole.length;
    resumed.push({ at: symbols.length, offset: end });
  }
  symbols += text.slice(end);
  const offsetOf = (at: number): number => {
    const last = resumed.findLast((place) => place.at <= at) ?? { at: 0, offset: 0 };
    return last.offset + at - last.at;
  };
  return right({ symbols, placeholders, offsetOf });
};

const NAME_SHOWN_MAX = 40;

const unknownPlaceholder = (whole: string): string => {
  const shown = whole.length > NAME_SHOWN_MAX ? `${whole.slice(0, NAME_SHOWN_MAX).toWellFormed()}…` : whole;
  return `There is no placeholder ${shown}: use @eventType, @contextId or @data, or write @@ for a literal @.`;
};

/** The text between the holes, and the holes. */
const partsOf = (
  symbols: string,
  placeholders: ReadonlyArray<Placeholder>,
  writings: ReadonlyArray<Writing>,
): Template['parts'] =>
  symbols.split(HOLE).flatMap((literal, number) => {
    const [placeholder, writing] = [placeholders[number - 1], writings[number - 1]];
    const before = placeholder === undefined || writing === undefined ? [] : [{ placeholder, writing }];
    return literal === '' ? before : [...before, literal];
  });
