import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { SelectionPreviews } from '../../audit/selection-preview.ts';
import { DEFAULT_TEMPLATE, EVENT_TYPES, headerValue } from '../../domain/moshtix-request.ts';
import { PLACEHOLDERS_MAX, parseTemplate, renderTemplate, templateKindOf } from '../../domain/template.ts';
import { SYSTEM_EVENTS, type SystemEvent } from '../../domain/webhook.ts';
import type { HttpDeps } from '../deps.ts';
import type { Failure, FieldError } from '../failure.ts';
import type { FoundWebhook } from '../find-webhook.ts';
import { RequestContext } from '../graphql/context.ts';
import { Refusal } from '../graphql/refusal.ts';
import { saveWebhook } from '../graphql/save-webhook.ts';
import type { WebhookInput } from '../graphql/webhook-input.ts';
import { html, type Html } from '../html.ts';
import { companyIn } from './companies.ts';
import { isReply, overtakenSince, webhookOr } from './find.ts';
import { overtakenNotice } from './overtaken.ts';
import {
  address,
  checkbox,
  errorsAt,
  errorSummary,
  field,
  hidden,
  notice,
  textarea,
  preformatted,
} from './parts.ts';
import { previewOf } from './preview.ts';
import { SAMPLES } from './sample-data.ts';
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
  | 'accounts'
  | 'webhooks'
  | 'invocations'
  | 'readModels'
  | 'store'
  | 'rules'
  | 'checkUrl'
  | 'settled'
  | 'clock'
>;
type FormDeps = Deps & { readonly previews: SelectionPreviews };

const NEW = '/dashboard/webhooks/new-moshtix';
const EDIT = '/dashboard/webhooks/:guid/edit-moshtix';

/** Creating and editing webhooks as Moshtix knows them: system events, headers and a body template. */
export const moshtixFormPages = (deps: Deps): ReadonlyArray<DashboardRoute> => {
  const forms = { ...deps, previews: new SelectionPreviews(deps) };
  return [
    { method: 'GET', path: NEW, roles: OWNERS, handle: (visit) => makeNew(forms, visit, BLANK, false) },
    {
      method: 'POST',
      path: NEW,
      roles: OWNERS,
      handle: (visit) => makeNew(forms, visit, visit.form, visit.form['step'] === 'create'),
    },
    { method: 'GET', path: EDIT, roles: OWNERS, handle: (visit) => edit(forms, visit, undefined) },
    { method: 'POST', path: EDIT, roles: OWNERS, handle: (visit) => edit(forms, visit, visit.form) },
  ];
};

const BLANK: Form = {
  order_saved: '1',
  body: DEFAULT_TEMPLATE,
  headers: 'Content-Type: application/json',
  enabled: '1',
};

const makeNew = async (deps: FormDeps, visit: Visit, form: Form, save: boolean): Replied => {
  const company = companyIn(visit);
  if (isLeft(company)) return company;
  if (typeof company.right !== 'string') return right(company.right);
  const companyId = company.right;
  const account = await deps.accounts.get(companyId);
  if (isLeft(account)) return account;
  const client = visit.principal.client ?? account.right?.clientId ?? null;
  if (client === null) return right(noClientPage(companyId));
  const show = (errors: ReadonlyArray<FieldError>): Promise<Reply> =>
    formPage(deps, {
      title: 'New Moshtix webhook',
      action: address(NEW, { company: companyId }),
      back: address('/', { company: companyId }),
      companyId,
      button: { step: 'create', label: 'Create' },
      form,
      errors,
    });
  if (!save) return right(await show([]));
  const saved = await trySave(deps, visit, { client: { id: client }, ...inputOf(form) });
  if (isLeft(saved))
    return saved.left._tag === 'InvalidFields' ? right(await show(fieldsOf(form, saved.left.errors))) : saved;
  return right(
    redirect(address('/', { company: visit.query.get('company') ?? undefined, made: saved.right })),
  );
};

const noClientPage = (companyId: string): Reply =>
  page(
    'New Moshtix webhook',
    html`<section class="narrow">
      <h1>No client account yet</h1>
      <p>
        Webhooks of Moshtix' dialect belong to a client account, and this company has none so far. An operator
        attaches one with <code>PATCH /accounts/${companyId}</code> and <code>{"client_id": …}</code>, or
        issues a token with <code>callboard token --client …</code>.
      </p>
      <p>
        <a class="button" href="${address('/dashboard/webhooks/new', { company: companyId })}"
          >Create another kind of webhook</a
        >
      </p>
    </section>`,
    companyId,
  );

const edit = async (deps: FormDeps, visit: Visit, posted: Form | undefined): Replied => {
  const found = await webhookOr(deps, visit);
  if (isLeft(found) || isReply(found.right)) return found as Either<Failure, Reply>;
  const seen = found.right;
  const { guid, companyId, settings } = seen.webhook.facts;
  const { selection } = settings;
  if (selection.dialect !== 'moshtix') return left({ _tag: 'NotFound' });
  const saved = formOfWebhook(seen);
  const form = posted ?? saved;
  const show = (errors: ReadonlyArray<FieldError>, overtaken: Html | null = null): Promise<Reply> =>
    formPage(deps, {
      title: `Edit ${nameOf(seen.webhook)}`,
      action: `/dashboard/webhooks/${guid}/edit-moshtix`,
      back: `/dashboard/webhooks/${guid}`,
      companyId,
      button: { step: 'save', label: overtaken === null ? 'Save' : 'Save mine over it' },
      form: overtaken === null ? form : { ...form, revision: String(seen.revision) },
      errors,
      overtaken,
    });
  if (posted?.['step'] !== 'save') return right(await show([]));
  const overtaken = await overtakenSince(deps, seen, Number(posted['revision'] ?? Number.NaN));
  if (isLeft(overtaken)) return overtaken;
  if (overtaken.right !== undefined) {
    return right(await show([], overtakenNotice(overtaken.right, form, saved)));
  }
  const written = await trySave(deps, visit, {
    id: selection.id,
    client: { id: selection.clientId },
    ...inputOf(form),
  });
  if (isLeft(written)) {
    return written.left._tag === 'InvalidFields'
      ? right(await show(fieldsOf(form, written.left.errors)))
      : written;
  }
  return right(redirect(`/dashboard/webhooks/${guid}?said=saved`));
};

/** The mutation of the API itself; its refusals as our failures. Answers the guid. */
const trySave = async (deps: Deps, visit: Visit, input: WebhookInput): Promise<Either<Failure, string>> => {
  const context = new RequestContext(deps, visit, { ms: SAVE_MAX_MS, passed: () => undefined });
  try {
    return right((await saveWebhook(deps, context, visit.principal, input)).guid);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { errors } = error.extensions;
    if (errors !== undefined) return left({ _tag: 'InvalidFields', errors });
    if (error.failure !== undefined) return left(error.failure);
    return left({ _tag: 'InvalidFields', errors: [{ field: 'client', message: error.message }] });
  }
};

const SAVE_MAX_MS = 10_000;

// ---------------------------------------------------------------- form and input

const formOfWebhook = ({ webhook, revision }: FoundWebhook): Form => {
  const { url, selection, request } = webhook.facts.settings;
  const events = selection.dialect === 'moshtix' ? selection.systemEvents : [];
  return {
    url,
    ...Object.fromEntries(events.map(({ systemEvent }) => [systemEvent.toLowerCase(), '1'])),
    headers: (request?.headers ?? []).map(({ name, value }) => `${name}: ${value}`).join('\n'),
    body: request?.body ?? DEFAULT_TEMPLATE,
    ...(webhook.situation === 'enabled' && { enabled: '1' }),
    revision: String(revision),
  };
};

const chosen = (form: Form): ReadonlyArray<SystemEvent> =>
  SYSTEM_EVENTS.filter((one) => form[one.toLowerCase()] === '1');

/** Browsers send line breaks as CR LF. */
const textOf = (form: Form, name: string): string => (form[name] ?? '').replaceAll('\r\n', '\n');

const headerLines = (form: Form): ReadonlyArray<{ readonly name: string; readonly value: string }> =>
  textOf(form, 'headers')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const colon = line.indexOf(':');
      return colon === -1
        ? { name: line.trim(), value: '' }
        : { name: line.slice(0, colon).trim(), value: line.slice(colon + 1).trim() };
    });

const inputOf = (form: Form): WebhookInput => ({
  url: form['url'] ?? '',
  headers: { items: headerLines(form) },
  body: textOf(form, 'body'),
  systemEventTypes: { items: chosen(form).map((systemEventType) => ({ systemEventType })) },
  enabled: form['enabled'] === '1',
});

/** The API's names of fields, as this form has them; a header is told by its line. */
const fieldsOf = (form: Form, errors: ReadonlyArray<FieldError>): ReadonlyArray<FieldError> =>
  errors.map(({ field: named, message }) => {
    const header = /^headers\.items\[(\d+)\]\.(name|value)$/.exec(named);
    if (header !== null) {
      const { name = '' } = headerLines(form)[Number(header[1])] ?? {};
      return { field: 'headers', message: `${name}: the ${header[2] ?? ''} ${message}` };
    }
    return { field: named.startsWith('systemEventTypes') ? 'system_events' : named, message };
  });

// ---------------------------------------------------------------- page

interface MoshtixForm {
  readonly title: string;
  readonly action: string;
  readonly back: string;
  readonly companyId: string;
  readonly button: { readonly step: string; readonly label: string };
  readonly form: Form;
  readonly errors: ReadonlyArray<FieldError>;
  readonly overtaken?: Html | null;
}

const formPage = async (
  deps: FormDeps,
  { title, action, back, companyId, button, form, errors, overtaken = null }: MoshtixForm,
): Promise<Reply> => {
  const systemEvents = chosen(form).map((systemEvent) => ({ id: 0, systemEvent }));
  const selection = { dialect: 'moshtix', id: 0, clientId: 0, systemEvents } as const;
  return page(
    title,
    html`<h1>${title}</h1>
      ${overtaken} ${errorSummary(errors)}
      <form method="post" action="${action}" data-live="body-preview preview" class="columns" novalidate>
        <div class="card">
          ${hidden('company_id', companyId)}
          ${form['revision'] === undefined ? null : hidden('revision', form['revision'])}
          ${field({
            name: 'url',
            label: 'Destination URL',
            errors,
            control: (attributes) =>
              html`<input
                type="url"
                ${attributes}
                value="${form['url'] ?? ''}"
                required
                placeholder="https://example.com/webhook"
                autocomplete="off"
                spellcheck="false"
              />`,
          })}
          <fieldset id="system_events">
            <legend>System events</legend>
            ${checkbox('order_saved', 'ORDER_SAVED', form['order_saved'] === '1', 'A ticket is sold, refunded, reissued or cancelled.')}
            ${checkbox('event_saved', 'EVENT_SAVED', form['event_saved'] === '1', 'An event, or anything that belongs to it, is created or changed.')}
            ${errorsAt(errors, 'system_events').map((message) => html`<p class="error">${message}</p>`)}
          </fieldset>
          ${field({
            name: 'headers',
            label: 'Headers',
            hint: 'One a line: Name: value.',
            errors,
            control: (attributes) =>
              textarea(html`${attributes} rows="3" spellcheck="false"`, form['headers'] ?? ''),
          })}
          ${field({
            name: 'body',
            label: 'Body template',
            hint: `@eventType, @contextId and @data are filled in, at most ${PLACEHOLDERS_MAX} of them; @@ is a plain @.`,
            errors,
            control: (attributes) =>
              textarea(html`${attributes} rows="6" spellcheck="false"`, form['body'] ?? ''),
          })}
          ${checkbox('enabled', 'Enabled', form['enabled'] === '1', undefined)}
          <p class="actions">
            <button class="button primary" name="step" value="${button.step}">${button.label}</button>
            <button class="button no-script" name="step" value="preview">Preview</button>
            <a class="button" href="${back}">Cancel</a>
          </p>
        </div>
        <div>
          ${await previewOf(deps, companyId, systemEvents.length === 0 ? undefined : selection)}
          ${bodyPreview(form)}
        </div>
      </form>`,
    companyId,
    overtaken !== null ? CONFLICT : errors.length === 0 ? 200 : 422,
  );
};

const CONFLICT = 409;

const bodyPreview = (form: Form): Html => {
  const [systemEvent = 'ORDER_SAVED'] = chosen(form);
  const headers = headerLines(form).map((header) => ({ id: 0, ...header }));
  const kind = templateKindOf(headerValue(headers, 'content-type'));
  const template = parseTemplate(textOf(form, 'body'), kind);
  const sample = SAMPLES[systemEvent];
  return html`<section id="body-preview" class="card preview" aria-live="polite">
    <h2>The body that it makes</h2>
    ${
      isLeft(template)
        ? notice(
            'bad',
            html`<p>Line ${template.left.line}, column ${template.left.column}: ${template.left.reason}</p>`,
          )
        : html`${preformatted(
              'Body',
              pretty(
                kind === 'json',
                renderTemplate(template.right, {
                  eventType: EVENT_TYPES[systemEvent],
                  contextId: sample.contextId,
                  dataJson: JSON.stringify(sample.data),
                }),
              ),
            )}
            <p class="quiet">From an example of ${systemEvent}.</p>`
    }
  </section>`;
};

const pretty = (isJson: boolean, text: string): string => {
  if (!isJson) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch (_notJson) {
    return text;
  }
};
