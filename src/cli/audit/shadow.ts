import { isErased } from '../../domain/invocation.ts';
import { MASK } from '../../domain/personal-fields.ts';
import { type Either, isLeft, left, right } from 'fp-ts/lib/Either.js';
import { systemClock } from '../../adapters/system-clock.ts';
import { shadow as shadowLog, type ShadowScope } from '../../audit/shadow.ts';
import type { ShadowSettings } from '../../audit/shadow-routing.ts';
import { dataReader, hearersOf, invocationOf } from '../../delivery/fan-out.ts';
import { RESOURCES, TRIGGERS } from '../../domain/resources.ts';
import type { Rules } from '../../domain/rules.ts';
import { boolean, guid, oneOf, optional, text, time, wholeNumber } from '../../http/checks.ts';
import { codecOf, decodeFields } from '../../http/fields.ts';
import { readEnvironment } from '../../main.ts';
import { parseRules } from '../../rules-file.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from '../command.ts';
import { Progress } from '../migrate/progress.ts';
import { readText } from '../rules-input.ts';
import { withHistory } from './history.ts';
import { writeWhole } from './files.ts';
import { shadowHtml, shadowJson, shadowText, type ShadowTried } from './shadow-report.ts';

/** `callboard audit shadow` */

const HELP = `callboard audit shadow [--rules FILE] [--as FILE] [--template FILE] [--retries N] [--retry-base-ms N] [--always]
  [--webhook GUID] [--company GUID] [--from TIME] [--to TIME] [--examples N] [--json FILE] [--html FILE]

Goes through the history once more as it would have been with something else: an operator's rules (--rules), a webhook's
selection (--as: JSON with resource, trigger, identifier, triggered_by_child_resources), a Moshtix body template (--template),
another number of retries or first wait, or with a webhook as if it had been there from the beginning on (--always). Says who would have been told of what, compares every body with what was sent, and
tells how many attempts there would have been. Nothing is sent, and nothing stored but the reports. --as, --template and
--always need --webhook. Times are those at which changes were recorded (RFC 3339). Works with the server up or down.
`;

const OPTIONS = {
  rules: { type: 'string' },
  as: { type: 'string' },
  template: { type: 'string' },
  retries: { type: 'string' },
  'retry-base-ms': { type: 'string' },
  always: { type: 'boolean', default: false },
  webhook: { type: 'string' },
  company: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  examples: { type: 'string' },
  json: { type: 'string' },
  html: { type: 'string' },
} as const;

const EXAMPLES_DEFAULT = 3;

const CHECKS = codecOf({
  retries: optional(wholeNumber(0, 30)),
  'retry-base-ms': optional(wholeNumber(10, 3_600_000)),
  webhook: optional(guid),
  company: optional(guid),
  from: optional(time),
  to: optional(time),
  examples: optional(wholeNumber(0, 1_000)),
});

const SELECTION = codecOf({
  resource: optional(oneOf(RESOURCES)),
  trigger: optional(oneOf(TRIGGERS)),
  identifier: optional(text()),
  triggered_by_child_resources: optional(boolean),
});

export const shadow: Command = {
  summary: 'what would have been sent with other rules, webhooks, templates or retries',
  help: HELP,
  run: (args) => runShadow(args),
};

const runShadow = async (args: ReadonlyArray<string>): Promise<number> => {
  const options = parseOptions(args, OPTIONS);
  if (isLeft(options)) return misused(options.left, HELP);
  const { values } = options.right;
  const asked = askedFrom(values);
  if (isLeft(asked)) return misused(asked.left, HELP);
  const { scope, rules: tried, what } = asked.right;
  const config = readEnvironment();
  if (isLeft(config)) return failed(config.left.message);
  const { store, rulesPath, secret, dataDir, retryBaseMs: defaultRetryBaseMs } = config.right;
  if (store.kind === 'memory') return failed('there is no history to go through in memory');

  return withHistory({ store, rulesPath, secret, dataDir }, async ({ log, models, rules: inForce }) => {
    const rules = tried ?? inForce;
    const progress = new Progress('compared');
    const result = await shadowLog(
      {
        log,
        models,
        hearersOf: (routing, change) => hearersOf({ routing, rules }, change),
        render: async (change, match) => {
          const dataJson = await dataReader({ store: log, routing: models }, change)(match);
          const invocation = invocationOf({ defaultRetryBaseMs }, change, dataJson, match);
          if (!('unsendable' in invocation)) return invocation;
          const { unsendable } = invocation;
          // What was sent is gone, too: there is nothing to compare.
          return isErased(unsendable) ? { ...unsendable, body: MASK } : undefined;
        },
        onProgress: progress.at,
      },
      scope,
    );
    if (isLeft(result)) {
      return failed(
        result.left._tag === 'WebhookUnknown'
          ? `there is no webhook ${scope.webhook ?? ''} in the history`
          : result.left.message,
      );
    }
    progress.end();
    try {
      if (values.json !== undefined) writeWhole(values.json, shadowJson(what, result.right), 'w');
      if (values.html !== undefined) writeWhole(values.html, shadowHtml(what, result.right), 'w');
    } catch (error) {
      return failed(
        `the report cannot be written: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    process.stdout.write(shadowText(what, result.right));
    return EXIT_OK;
  });
};

interface Asked {
  readonly scope: ShadowScope;
  readonly rules: Rules | undefined;
  readonly what: ShadowTried;
}

type Values = Readonly<Partial<Record<Exclude<keyof typeof OPTIONS, 'always'>, string>>> & {
  readonly always: boolean;
};

const askedFrom = (values: Values): Either<string, Asked> => {
  const checked = decodeFields(CHECKS, values);
  if (isLeft(checked)) return left(inWords(checked.left));
  const { webhook, company, from, to, retries, examples } = checked.right;
  const retryBaseMs = checked.right['retry-base-ms'];
  if (from !== undefined && to !== undefined && to <= from) return left('--to must be later than --from');
  const nowMs = systemClock().nowMs();
  for (const [side, atMs] of Object.entries({ from, to })) {
    if (atMs !== undefined && atMs > nowMs) return left(`--${side} lies in the future`);
  }
  const { always } = values;
  if ((values.as !== undefined || values.template !== undefined || always) && webhook === undefined)
    return left('--as, --template and --always need --webhook');
  const tries = [values.rules, values.as, values.template, retries, retryBaseMs];
  if (!always && tries.every((one) => one === undefined))
    return left(
      'nothing is to be otherwise: give --rules, --as, --template, --retries, --retry-base-ms or --always',
    );

  const rules = values.rules === undefined ? right(undefined) : rulesIn(values.rules);
  if (isLeft(rules)) return rules;
  const selection = values.as === undefined ? right(undefined) : selectionIn(values.as);
  if (isLeft(selection)) return selection;
  const template = values.template === undefined ? right(undefined) : readText(values.template);
  if (isLeft(template)) return template;
  return right({
    scope: {
      companyId: company,
      webhook,
      fromMs: from ?? Number.NEGATIVE_INFINITY,
      toMs: to ?? Number.POSITIVE_INFINITY,
      settings: {
        ...(selection.right !== undefined && { selection: selection.right }),
        ...(template.right !== undefined && { template: template.right }),
        ...(retries !== undefined && { retries }),
        ...(retryBaseMs !== undefined && { retryBaseMs }),
        ...(always && { always }),
      },
      examplesMax: examples ?? EXAMPLES_DEFAULT,
    },
    rules: rules.right,
    what: Object.fromEntries(
      Object.entries(values)
        .filter(([name, value]) => !['json', 'html', 'examples'].includes(name) && value !== false)
        .map(([name, value]) => [name, String(value)]),
    ),
  });
};

const rulesIn = (path: string): Either<string, Rules> => {
  const read = readText(path);
  if (isLeft(read)) return read;
  const rules = parseRules(read.right);
  return isLeft(rules) ? left(`${path}: ${rules.left.join('; ')}`) : rules;
};

const selectionIn = (path: string): Either<string, NonNullable<ShadowSettings['selection']>> => {
  const read = readText(path);
  if (isLeft(read)) return read;
  let value: unknown;
  try {
    value = JSON.parse(read.right);
  } catch (_notJson) {
    return left(`${path}: not JSON`);
  }
  const decoded = decodeFields(SELECTION, value);
  if (isLeft(decoded)) return left(`${path}: ${inWords(decoded.left)}`);
  const { resource, trigger, identifier, triggered_by_child_resources: byChildren } = decoded.right;
  return right({
    ...(resource !== undefined && { resource }),
    ...(trigger !== undefined && { trigger }),
    ...(identifier !== undefined && { identifier }),
    ...(byChildren !== undefined && { triggeredByChildResources: byChildren }),
  });
};

const inWords = (failure: Extract<ReturnType<typeof decodeFields>, { _tag: 'Left' }>['left']): string =>
  failure._tag === 'InvalidFields'
    ? failure.errors.map(({ field, message }) => `${field} ${message}`).join('; ')
    : failure._tag;
