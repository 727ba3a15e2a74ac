import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import { html, type Html } from '../html.ts';

/** A JSON Schema in a few words: `text`, `list of Attempt`, `one of a, b`. */
export const schemaText = (schema: Json | undefined): Html => {
  if (!isJsonObject(schema)) return html`anything`;
  const reference = schema['$ref'];
  if (typeof reference === 'string') {
    const name = reference.slice(reference.lastIndexOf('/') + 1);
    return html`<a href="#schema-${name}">${name}</a>`;
  }
  const choices = schema['enum'];
  if (isList(choices)) return html`${choices.map(String).join(', ')}`;
  if (schema['const'] !== undefined) return html`${JSON.stringify(schema['const'])}`;
  const alternatives = schema['anyOf'];
  if (isList(alternatives)) return joined(alternatives.map(schemaText));
  const type = schema['type'];
  if (isList(type)) return joined(type.map((one) => typeText({ ...schema, type: one })));
  return typeText(schema);
};

const joined = (texts: ReadonlyArray<Html>): Html =>
  html`${texts.map((text, index) => (index === 0 ? text : html` or ${text}`))}`;

const FORMATS: Readonly<Record<string, string>> = {
  uuid: 'GUID',
  'date-time': 'time (RFC 3339)',
  uri: 'URL',
};

const typeText = (schema: JsonObject): Html => {
  const { type, format, minimum, maximum, items } = schema;
  switch (type) {
    case 'string':
      return html`${(typeof format === 'string' ? FORMATS[format] : undefined) ?? 'text'}`;
    case 'integer':
      return typeof minimum === 'number' && typeof maximum === 'number'
        ? html`whole number from ${minimum} to ${maximum}`
        : html`whole number`;
    case 'array':
      return html`list of ${schemaText(items)}`;
    case 'object':
      return isJsonObject(schema['properties']) ? objectText(schema['properties']) : html`object`;
    case 'boolean':
    case 'number':
    case 'null':
      return html`${type}`;
    default:
      return html`anything`;
  }
};

/** `{items: list of Attempt, next: text or null}` */
const objectText = (properties: JsonObject): Html =>
  html`{${Object.entries(properties).map(
    ([name, property], index) =>
      html`${index === 0 ? null : ', '}<code>${name}</code>: ${schemaText(property)}`,
  )}}`;

/** The properties of an object, one a row. */
export const schemaTable = (schema: Json): Html => {
  if (!isJsonObject(schema) || !isJsonObject(schema['properties'])) return html`<p>${schemaText(schema)}</p>`;
  const required = schema['required'];
  const rows = Object.entries(schema['properties']).map(([name, property]) => {
    const optional = isList(required) && !required.includes(name);
    const description = isJsonObject(property) ? property['description'] : undefined;
    return html`<tr>
      <td><code>${name}</code></td>
      <td>${schemaText(property)}${optional ? ' (optional)' : null}</td>
      <td>${typeof description === 'string' ? description : null}</td>
    </tr> `;
  });
  const description = schema['description'];
  return html`${typeof description === 'string' ? html`<p>${description}</p>` : null}
    <div class="scroll">
      <table>
        ${rows}
      </table>
    </div>`;
};

const isList = (value: Json | undefined): value is ReadonlyArray<Json> => Array.isArray(value);
