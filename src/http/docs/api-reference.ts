import { isJsonObject, type Json, type JsonObject } from '../../domain/json.ts';
import { html, type Html } from '../html.ts';
import { schemaTable, schemaText } from './schema-table.ts';

/** The OpenAPI description as a readable page: what is served to programs and to people is one text. */
export const apiReference = (document: JsonObject): Html => {
  const components = objectAt(document, 'components');
  const schemas = objectAt(components, 'schemas');
  const operations = operationsOf(document);
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  return html`<h2 id="requests">Requests</h2>
    <nav>
      <ul>
        ${operations.map(
          ({ id, method, path }) =>
            html`<li>
              <a href="#${id}"><code>${method} ${path}</code></a>
            </li> `,
        )}
      </ul>
    </nav>
    ${tags.map(
      (tag) =>
        html`<h2>${tag}</h2>
          ${operations.filter((operation) => operation.tag === tag).map((operation) => section(operation, components))}`,
    )}
    <h2 id="shapes">Shapes</h2>
    ${Object.entries(schemas).map(
      ([name, schema]) =>
        html`<h3 id="schema-${name}">${name}</h3>
          ${schemaTable(schema)}`,
    )}`;
};

interface Operation {
  readonly id: string;
  readonly tag: string;
  readonly method: string;
  readonly path: string;
  readonly description: JsonObject;
}

const operationsOf = (document: JsonObject): ReadonlyArray<Operation> =>
  Object.entries(objectAt(document, 'paths')).flatMap(([path, methods]) =>
    Object.entries(asObject(methods)).map(([method, described]) => {
      const description = asObject(described);
      const [tag] = textsAt(description, 'tags');
      return {
        id: textAt(description, 'operationId'),
        tag: tag ?? '',
        method: method.toUpperCase(),
        path,
        description,
      };
    }),
  );

const section = ({ id, method, path, description }: Operation, components: JsonObject): Html => {
  const roles = textsAt(description, 'x-roles');
  const parameters = listAt(description, 'parameters').map(asObject);
  const bodies = Object.entries(objectAt(objectAt(description, 'requestBody'), 'content'));
  return html`<h3 id="${id}"><span class="method">${method}</span> <code>${path}</code></h3>
    <p>${textAt(description, 'summary')}. ${textAt(description, 'description')}</p>
    <p class="note">${roles.length === 0 ? 'No token needed.' : `Token: ${roles.join(' or ')}.`}</p>
    ${parameters.length === 0 ? null : parameterTable(parameters)}
    ${
      bodies.length === 0
        ? null
        : html`<h4>Body</h4>
            <ul>
              ${bodies.map(([type, body]) => html`<li><code>${type}</code>: ${schemaText(asObject(body)['schema'])}</li>`)}
            </ul>`
    }
    <h4>Answers</h4>
    <div class="scroll">
      <table>
        ${Object.entries(objectAt(description, 'responses')).map(([status, answer]) =>
          answerRow(status, resolved(asObject(answer), components)),
        )}
      </table>
    </div>`;
};

const parameterTable = (parameters: ReadonlyArray<JsonObject>): Html =>
  html`<h4>Parameters</h4>
    <div class="scroll">
      <table>
        ${parameters.map(
          (parameter) =>
            html`<tr>
              <td><code>${textAt(parameter, 'name')}</code></td>
              <td>${textAt(parameter, 'in')}</td>
              <td>${schemaText(parameter['schema'])}</td>
              <td>${textAt(parameter, 'description')}</td>
            </tr> `,
        )}
      </table>
    </div>`;

const answerRow = (status: string, answer: JsonObject): Html => {
  const [content] = Object.entries(objectAt(answer, 'content'));
  return html`<tr>
    <td>${status}</td>
    <td>${textAt(answer, 'description')}</td>
    <td>${content === undefined ? null : schemaText(asObject(content[1])['schema'])}</td>
  </tr> `;
};

const REFERENCE = /^#\/components\/responses\/(\w+)$/;

const resolved = (answer: JsonObject, components: JsonObject): JsonObject => {
  const name = REFERENCE.exec(textAt(answer, '$ref'))?.[1];
  return name === undefined ? answer : objectAt(objectAt(components, 'responses'), name);
};

const asObject = (value: Json | undefined): JsonObject => (isJsonObject(value) ? value : {});
const objectAt = (object: JsonObject, key: string): JsonObject => asObject(object[key]);
const listAt = (object: JsonObject, key: string): ReadonlyArray<Json> => {
  const value = object[key];
  return Array.isArray(value) ? (value as ReadonlyArray<Json>) : [];
};
const textsAt = (object: JsonObject, key: string): ReadonlyArray<string> =>
  listAt(object, key).filter((value) => typeof value === 'string');
const textAt = (object: JsonObject, key: string): string => {
  const value = object[key];
  return typeof value === 'string' ? value : '';
};
