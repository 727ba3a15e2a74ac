import type { JsonObject } from '../../domain/json.ts';
import { isResource, type Resource, RESOURCES, type Trigger, TRIGGERS } from '../../domain/resources.ts';
import { couldFire, triggersThatCouldFire } from '../../domain/rules.ts';
import type { OpenTicketSelection } from '../../domain/webhook.ts';
import type { HttpDeps } from '../deps.ts';
import type { FieldError } from '../failure.ts';
import { html, type Html } from '../html.ts';
import { RETRIES_MAX } from '../webhook-fields.ts';
import { checkbox, field, option } from './parts.ts';
import type { Form } from './visit.ts';

/** The fields that the forms for a new webhook and for an old one share. */

/** What was not chosen is absent, so that it is said to be required. */
export const valuesOf = (form: Form, companyId: string): JsonObject => ({
  ...Object.fromEntries(
    Object.entries(form).filter(([name, value]) => !SELECTS.includes(name) || value !== ''),
  ),
  triggered_by_child_resources: form['triggered_by_child_resources'] ?? '0',
  company_id: companyId,
});

const SELECTS = ['resource', 'trigger'];

export const basicFields = (form: Form, errors: ReadonlyArray<FieldError>): Html => html`
  ${field({
    name: 'name',
    label: 'Name',
    hint: 'A descriptive name of the webhook.',
    errors,
    control: (attributes) =>
      html`<input ${attributes} value="${form['name'] ?? ''}" required maxlength="255" autocomplete="off" />`,
  })}
  ${field({
    name: 'url',
    label: 'Destination URL',
    hint: 'The URL that will receive the POST requests: https, and reachable from the internet.',
    errors,
    control: (attributes) =>
      html`<input
        type="url"
        ${attributes}
        value="${form['url'] ?? ''}"
        required
        placeholder="https://example.com/webhook/receive"
        autocomplete="off"
        spellcheck="false"
      />`,
  })}
`;

/** A trigger is offered only where something could come of it. */
const triggersFor = (deps: Pick<HttpDeps, 'rules'>, form: Form): ReadonlyArray<Trigger> => {
  const resource = form['resource'];
  return isResource(resource) ? triggersThatCouldFire(deps.rules, resource, byChildren(form)) : [];
};

const byChildren = (form: Form): boolean => form['triggered_by_child_resources'] === '1';

export const selectionFields = (
  deps: Pick<HttpDeps, 'rules'>,
  form: Form,
  errors: ReadonlyArray<FieldError>,
): Html => {
  const resource = form['resource'] ?? '';
  const trigger = form['trigger'] ?? '';
  const triggers = triggersFor(deps, form);
  return html`
    <div class="pair">
      ${field({
        name: 'resource',
        label: 'Resource',
        errors,
        control: (attributes) =>
          html`<select ${attributes} required>
            ${option('', 'Select a resource', resource)}
            ${RESOURCES.map((one) => option(one, RESOURCE_LABELS[one], resource))}
          </select>`,
      })}
      ${field({
        name: 'trigger',
        label: 'Trigger',
        ...(resource === '' && { hint: 'Select a resource first.' }),
        errors,
        control: (attributes) =>
          html`<select ${attributes} required>
            ${option('', 'Select a trigger', trigger)} ${triggers.map((one) => option(one, one, trigger))}
          </select>`,
      })}
    </div>
    <p class="no-script">
      <button class="button" name="step" value="triggers">Show the triggers of this resource</button>
    </p>
    ${checkbox(
      'triggered_by_child_resources',
      'Triggered by child resources',
      byChildren(form),
      'Also fires when a related resource has this trigger, as the picture shows.',
      errors,
    )}
    ${field({
      name: 'identifier',
      label: 'Identifier',
      hint: 'Of one particular resource. Leave it empty for all of them.',
      errors,
      control: (attributes) =>
        html`<input
          ${attributes}
          value="${form['identifier'] ?? ''}"
          maxlength="255"
          autocomplete="off"
          spellcheck="false"
        />`,
    })}
    ${field({
      name: 'retries',
      label: 'Retries',
      hint: `How often a failed request is repeated, 0 to ${RETRIES_MAX}; the wait doubles each time.`,
      errors,
      control: (attributes) =>
        html`<input
          type="number"
          ${attributes}
          value="${form['retries'] ?? ''}"
          min="0"
          max="${RETRIES_MAX}"
          required
          inputmode="numeric"
        />`,
    })}
  `;
};

const RESOURCE_LABELS: Readonly<Record<Resource, string>> = {
  event: 'Event',
  ticket: 'Ticket',
  product: 'Product',
  shop: 'Shop',
  order: 'Order',
  scanner: 'Scanner',
};

/** What the form selects so far; undefined while it selects nothing that could fire. */
export const selectionIn = (deps: Pick<HttpDeps, 'rules'>, form: Form): OpenTicketSelection | undefined => {
  const { resource, identifier = '' } = form;
  const trigger = TRIGGERS.find((one) => one === form['trigger']);
  if (!isResource(resource) || trigger === undefined) return undefined;
  if (!couldFire(deps.rules, resource, trigger, byChildren(form))) return undefined;
  return {
    dialect: 'openticket',
    resource,
    trigger,
    identifier,
    triggeredByChildResources: byChildren(form),
  };
};

/** How it is delivered: for those that are there already. */
export const deliveryFields = (
  { defaultRetryBaseMs }: Pick<HttpDeps, 'defaultRetryBaseMs'>,
  form: Form,
  errors: ReadonlyArray<FieldError>,
): Html => html`
  <fieldset>
    <legend>Delivery</legend>
    ${field({
      name: 'retry_base_ms',
      label: 'First wait, in milliseconds',
      hint: `Before the first retry, 10 to 3,600,000. Empty: the server's default, ${defaultRetryBaseMs.toLocaleString('en')}.`,
      errors,
      control: (attributes) =>
        html`<input
          type="number"
          ${attributes}
          value="${form['retry_base_ms'] ?? ''}"
          min="10"
          max="3600000"
        />`,
    })}
    ${field({
      name: 'ordering',
      label: 'Order',
      hint: 'In order, a later change of the same resource waits until the earlier one is settled.',
      errors,
      control: (attributes) =>
        html`<select ${attributes}>
          ${option('none', 'As soon as possible', form['ordering'] ?? 'none')}
          ${option('per_resource', 'In order for each resource', form['ordering'] ?? 'none')}
        </select>`,
    })}
    ${checkbox(
      'coalesce',
      'Skip what is outdated',
      form['coalesce'] === '1',
      'While an older change of the same resource still waits, a newer one takes its place.',
      errors,
    )}
  </fieldset>
`;
