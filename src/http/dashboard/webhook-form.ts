import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { SelectionPreviews } from '../../audit/selection-preview.ts';
import type { JsonObject } from '../../domain/json.ts';
import { isResource, type Resource, RESOURCES, type Trigger, TRIGGERS } from '../../domain/resources.ts';
import { couldFire, triggersThatCouldFire } from '../../domain/rules.ts';
import type { OpenTicketSelection, WebhookChanges } from '../../domain/webhook.ts';
import type { HttpDeps } from '../deps.ts';
import type { Failure, FieldError } from '../failure.ts';
import { decodeFields } from '../fields.ts';
import type { FoundWebhook } from '../find-webhook.ts';
import { html, type Html } from '../html.ts';
import { neverFires } from '../problem.ts';
import { causeOf } from '../routing.ts';
import { SETTINGS_PATCH } from '../settings.ts';
import {
  changesOf,
  newWebhookReader,
  RETRIES_DEFAULT,
  RETRIES_MAX,
  settingsOf,
  webhookPatchCodec,
} from '../webhook-fields.ts';
import { companyIn } from './companies.ts';
import { isReply, overtakenSince, sameSettings, webhookOr } from './find.ts';
import { address, checkbox, errorSummary, field, hidden, option } from './parts.ts';
import { previewOf } from './preview.ts';
import { overtakenNotice } from './overtaken.ts';
import {
  type DashboardRoute,
  type Form,
  page,
  redirect,
  type Replied,
  type Reply,
  type Visit,
  OWNERS,
} from './visit.ts';
import { nameOf } from './webhook-words.ts';

type Deps = Pick<
  HttpDeps,
  'webhooks' | 'readModels' | 'store' | 'rules' | 'checkUrl' | 'settled' | 'clock' | 'defaultRetryBaseMs'
>;

const NEW = '/dashboard/webhooks/new';
const EDIT = '/dashboard/webhooks/:guid/edit';

/** Creating and editing webhooks as OpenTicket knows them. */
export const webhookFormPages = (deps: Deps): ReadonlyArray<DashboardRoute> => {
  const previews = new SelectionPreviews(deps);
  const forms = { ...deps, previews };
  return [
    { method: 'GET', path: NEW, roles: OWNERS, handle: (visit) => showNew(forms, visit) },
    { method: 'POST', path: NEW, roles: OWNERS, handle: (visit) => postNew(forms, visit) },
    { method: 'GET', path: EDIT, roles: OWNERS, handle: (visit) => showEdit(forms, visit) },
    { method: 'POST', path: EDIT, roles: OWNERS, handle: (visit) => postEdit(forms, visit) },
  ];
};

type FormDeps = Deps & { readonly previews: SelectionPreviews };

// ---------------------------------------------------------------- new

const BLANK: Form = { retries: String(RETRIES_DEFAULT) };

const showNew = async (deps: FormDeps, visit: Visit): Replied => {
  const company = companyIn(visit);
  if (isLeft(company)) return company;
  return typeof company.right === 'string'
    ? right(await newPage(deps, company.right, BLANK, []))
    : right(company.right);
};

const postNew = async (deps: FormDeps, visit: Visit): Replied => {
  const { form } = visit;
  const company = companyIn(visit);
  if (isLeft(company)) return company;
  if (typeof company.right !== 'string') return right(company.right);
  const companyId = company.right;
  if (form['step'] !== 'create') return right(await newPage(deps, companyId, form, []));

  const decoded = newWebhookReader(deps)(valuesOf(form, companyId));
  if (isLeft(decoded)) {
    return decoded.left._tag === 'InvalidFields'
      ? right(await newPage(deps, companyId, form, decoded.left.errors))
      : decoded;
  }
  const made = await deps.webhooks.create(companyId, settingsOf(decoded.right), causeOf(visit, companyId));
  if (isLeft(made)) return made;
  const named = visit.query.get('company') ?? undefined;
  return right(redirect(address('/', { company: named, made: made.right.webhook.facts.guid })));
};

/** What was not chosen is absent, so that it is said to be required. */
const valuesOf = (form: Form, companyId: string): JsonObject => ({
  ...Object.fromEntries(
    Object.entries(form).filter(([name, value]) => !SELECTS.includes(name) || value !== ''),
  ),
  triggered_by_child_resources: form['triggered_by_child_resources'] ?? '0',
  company_id: companyId,
});

const SELECTS = ['resource', 'trigger'];

const newPage = async (
  deps: FormDeps,
  companyId: string,
  form: Form,
  errors: ReadonlyArray<FieldError>,
): Promise<Reply> => {
  const moshtix = address('/dashboard/webhooks/new-moshtix', { company: companyId });
  return page(
    'New webhook',
    html`<h1>New webhook</h1>
      <p class="lead">
        A POST request to your URL whenever what you choose happens. Receivers of Moshtix' messages
        <a href="${moshtix}">choose system events and a body template</a> instead.
      </p>
      ${errorSummary(errors)}
      <form
        method="post"
        action="${address(NEW, { company: companyId })}"
        data-live="trigger-field preview"
        class="columns"
        novalidate
      >
        <div class="card">
          ${hidden('company_id', companyId)} ${basicFields(form, errors)}
          ${selectionFields(deps, form, errors)}
          <p class="actions">
            <button class="button primary" name="step" value="create">Create</button>
            <button class="button no-script" name="step" value="preview">Preview</button>
            <a class="button" href="${address('/', { company: companyId })}">Cancel</a>
          </p>
        </div>
        ${await previewOf(deps, companyId, selectionIn(deps, form))}
      </form>`,
    companyId,
    errors.length === 0 ? 200 : 422,
  );
};

// ---------------------------------------------------------------- fields

const basicFields = (form: Form, errors: ReadonlyArray<FieldError>): Html => html`
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
const triggersFor = (deps: Pick<Deps, 'rules'>, form: Form): ReadonlyArray<Trigger> => {
  const resource = form['resource'];
  return isResource(resource) ? triggersThatCouldFire(deps.rules, resource, byChildren(form)) : [];
};

const byChildren = (form: Form): boolean => form['triggered_by_child_resources'] === '1';

const selectionFields = (deps: Pick<Deps, 'rules'>, form: Form, errors: ReadonlyArray<FieldError>): Html => {
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
const selectionIn = (deps: Pick<Deps, 'rules'>, form: Form): OpenTicketSelection | undefined => {
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

// ---------------------------------------------------------------- edit

const formOfWebhook = ({ webhook, revision }: FoundWebhook): Form => {
  const { name, url, retries, selection, ordering, coalesce, retryBaseMs } = webhook.facts.settings;
  return {
    name,
    url,
    retries: String(retries),
    ...(selection.dialect === 'openticket' && {
      resource: selection.resource,
      trigger: selection.trigger,
      identifier: selection.identifier,
      ...(selection.triggeredByChildResources && { triggered_by_child_resources: '1' }),
    }),
    ordering,
    ...(coalesce && { coalesce: '1' }),
    retry_base_ms: retryBaseMs === null ? '' : String(retryBaseMs),
    revision: String(revision),
  };
};

const showEdit = async (deps: FormDeps, visit: Visit): Replied => {
  const found = await webhookOr(deps, visit);
  if (isLeft(found) || isReply(found.right)) return found as Either<Failure, Reply>;
  const { guid, settings } = found.right.webhook.facts;
  if (settings.selection.dialect === 'moshtix')
    return right(redirect(`/dashboard/webhooks/${guid}/edit-moshtix`));
  return right(await editPage(deps, found.right, formOfWebhook(found.right), []));
};

const postEdit = async (deps: FormDeps, visit: Visit): Replied => {
  const found = await webhookOr(deps, visit);
  if (isLeft(found) || isReply(found.right)) return found as Either<Failure, Reply>;
  const { form } = visit;
  const { guid, companyId, settings } = found.right.webhook.facts;
  if (settings.selection.dialect === 'moshtix') return left({ _tag: 'NotFound' });
  const seen = found.right;
  if (form['step'] !== 'save') return right(await editPage(deps, seen, form, []));

  const changes = changesIn(deps, form);
  if (isLeft(changes)) return right(await editPage(deps, seen, form, changes.left));
  const overtaken = await overtakenSince(deps, seen, Number(form['revision'] ?? Number.NaN));
  if (isLeft(overtaken)) return overtaken;
  if (overtaken.right !== undefined) {
    return right(
      await editPage(deps, seen, form, [], overtakenNotice(overtaken.right, form, formOfWebhook(seen))),
    );
  }
  const saved = await deps.webhooks.revise<{ readonly _tag: 'Overtaken' }>(
    guid,
    (webhook) =>
      sameSettings(webhook.facts.settings, settings)
        ? right({ changes: changes.right })
        : left({ _tag: 'Overtaken' }),
    causeOf(visit, companyId),
  );
  if (!isLeft(saved)) return right(redirect(`/dashboard/webhooks/${guid}?said=saved`));
  switch (saved.left._tag) {
    case 'Overtaken':
      // Somebody was quicker by a moment: once more, with what they saved in view.
      return postEdit(deps, visit);
    case 'WebhookCouldNeverFire':
      return right(await editPage(deps, seen, form, [neverFires(saved.left)]));
    default:
      return left(saved.left);
  }
};

/** Both of the API's tables of fields at once, with all that is wrong. */
const changesIn = (deps: Deps, form: Form): Either<ReadonlyArray<FieldError>, WebhookChanges> => {
  const fields = decodeFields(webhookPatchCodec(deps.checkUrl), valuesOf(form, ''));
  const base = form['retry_base_ms'] ?? '';
  const settings = decodeFields(SETTINGS_PATCH, {
    ordering: form['ordering'] ?? 'none',
    coalesce: form['coalesce'] ?? '0',
    retry_base_ms: base === '' ? null : base,
  });
  const errors = [fields, settings].flatMap((one) =>
    isLeft(one) && one.left._tag === 'InvalidFields' ? one.left.errors : [],
  );
  if (isLeft(fields) || isLeft(settings)) return left(errors);
  const { ordering = 'none', coalesce = false, retry_base_ms: retryBaseMs = null } = settings.right;
  return right({ ...changesOf(fields.right), ordering, coalesce, retryBaseMs });
};

const editPage = async (
  deps: FormDeps,
  { webhook, revision }: FoundWebhook,
  form: Form,
  errors: ReadonlyArray<FieldError>,
  overtaken: Html | null = null,
): Promise<Reply> => {
  const { guid, companyId } = webhook.facts;
  // Over somebody else's version one saves with open eyes: the form now stands on theirs.
  const basis = overtaken === null ? (form['revision'] ?? String(revision)) : String(revision);
  return page(
    `Edit ${nameOf(webhook)}`,
    html`<p class="crumbs"><a href="/dashboard/webhooks/${guid}">${nameOf(webhook)}</a></p>
      <h1>Edit</h1>
      ${overtaken} ${errorSummary(errors)}
      <form
        method="post"
        action="/dashboard/webhooks/${guid}/edit"
        data-live="trigger-field preview"
        class="columns"
        novalidate
      >
        <div class="card">
          ${hidden('revision', basis)} ${basicFields(form, errors)} ${selectionFields(deps, form, errors)}
          ${deliveryFields(deps, form, errors)}
          <p class="actions">
            <button class="button primary" name="step" value="save">
              ${overtaken === null ? 'Save' : 'Save mine over it'}
            </button>
            <button class="button no-script" name="step" value="preview">Preview</button>
            <a class="button" href="/dashboard/webhooks/${guid}">Cancel</a>
          </p>
        </div>
        ${await previewOf(deps, companyId, selectionIn(deps, form))}
      </form>`,
    companyId,
    overtaken !== null ? CONFLICT : errors.length === 0 ? 200 : 422,
  );
};

const CONFLICT = 409;

const deliveryFields = (
  { defaultRetryBaseMs }: Pick<Deps, 'defaultRetryBaseMs'>,
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
