import type { Writing } from './template-scan.ts';

export type Placeholder = 'eventType' | 'contextId' | 'data';

/** Any text; `dataJson` is JSON text. */
export interface TemplateValues {
  readonly eventType: string;
  readonly contextId: string;
  readonly dataJson: string;
}

/** The value as it may stand in the body, whatever it holds. The result is well-formed. */
export const written = (placeholder: Placeholder, writing: Writing, values: TemplateValues): string => {
  if (writing === 'jsonValue') return jsonValue(placeholder, values);
  const text = textOf(placeholder, values);
  switch (writing) {
    case 'jsonText':
      return JSON.stringify(text).slice(1, -1);
    case 'formText':
      // The URL standard's own serializer; the name in front is cut off again.
      return new URLSearchParams([['', text]]).toString().slice(1);
    case 'xmlText':
      return text.replace(NOT_IN_XML, '\ufffd').replace(XML_MARKUP, (char) => XML_REFERENCES[char] ?? char);
    case 'plainText':
      return text.toWellFormed();
  }
};

const textOf = (placeholder: Placeholder, values: TemplateValues): string => {
  switch (placeholder) {
    case 'eventType':
      return values.eventType;
    case 'contextId':
      return values.contextId;
    case 'data':
      return values.dataJson;
  }
};

const DIGITS = /^(?:0|[1-9]\d*)$/;

/** Identifiers that a number holds exactly are numbers; a longer one would reach its reader as another. The data is JSON already; only lone surrogates are escaped. */
const jsonValue = (placeholder: Placeholder, values: TemplateValues): string => {
  switch (placeholder) {
    case 'eventType':
      return JSON.stringify(values.eventType);
    case 'contextId': {
      const { contextId } = values;
      return DIGITS.test(contextId) && Number.isSafeInteger(Number(contextId))
        ? contextId
        : JSON.stringify(contextId);
    }
    case 'data': {
      const { dataJson } = values;
      return dataJson.isWellFormed()
        ? dataJson
        : dataJson.replace(LONE_SURROGATE, (lone) => JSON.stringify(lone).slice(1, -1));
    }
  }
};

const LONE_SURROGATE = /\p{Cs}/gu;

/** What XML 1.0 cannot hold in any spelling: production 2, Char. */
const NOT_IN_XML = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** With tabs and line breaks, which parsers would turn into others or into spaces. */
const XML_MARKUP = /[&<>"'\t\n\r]/g;
const XML_REFERENCES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};
