import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Either, isLeft, left, mapLeft, right } from 'fp-ts/lib/Either.js';
import { changesHistory } from '../../simulator/rules/changes-history.ts';
import { compare } from '../../simulator/rules/compare.ts';
import { type History, historyAt, storeHistory } from '../../simulator/rules/history.ts';
import { readWebhooks, type SavedWebhook } from '../../simulator/rules/saved-webhooks.ts';
import type { Rules } from '../domain/rules.ts';
import { loadRules, readEnvironment } from '../main.ts';
import { openReadModels } from '../projections/sqlite-read-models.ts';
import { parseRules } from '../rules-file.ts';
import { EXIT_OK, misused, parseOptions } from './command.ts';
import { numberOption, readText, unreadable } from './rules-input.ts';
import { previewText } from './rules-preview-text.ts';

/** `callboard rules preview`. */

const OPTIONS = {
  history: { type: 'string' },
  against: { type: 'string' },
  webhooks: { type: 'string' },
  examples: { type: 'string' },
  json: { type: 'boolean', default: false },
} as const;

const EXAMPLES_DEFAULT = 3;
const EXAMPLES_MAX = 1_000;

export const preview = async (args: ReadonlyArray<string>, help: string): Promise<number> => {
  const options = parseOptions(args, OPTIONS, true);
  if (isLeft(options)) return misused(options.left, help);
  const { positionals, values } = options.right;
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) return misused('rules preview takes one FILE', help);
  if (values.history === undefined) return misused('rules preview needs --history PATH', help);
  const examples = numberOption('examples', values.examples, 0, EXAMPLES_MAX);
  if (isLeft(examples)) return misused(examples.left, help);

  const proposed = rulesIn(path);
  if (isLeft(proposed)) return unreadable(proposed.left);
  const now = values.against === undefined ? rulesInForce() : rulesIn(values.against);
  if (isLeft(now)) return unreadable(now.left);
  const webhooks = values.webhooks === undefined ? right(undefined) : webhooksIn(values.webhooks);
  if (isLeft(webhooks)) return unreadable(webhooks.left);
  const both = [now.right.rules, proposed.right.rules] as const;

  const folder = mkdtempSync(join(tmpdir(), 'callboard-preview-'));
  let history: History | undefined;
  try {
    const opened = await openHistory(values.history, both, webhooks.right, folder);
    if (isLeft(opened)) return unreadable(opened.left);
    history = opened.right;
    const models = openReadModels({ path: join(folder, 'read-models.db') });
    try {
      const compared = await compare(history, models, {
        now: now.right.rules,
        proposed: proposed.right.rules,
        examplesMax: examples.right ?? EXAMPLES_DEFAULT,
      });
      progress();
      for (const remark of history.remarks()) process.stderr.write(`callboard: ${remark}\n`);
      const named = { history: history.what, now: now.right.name, proposed: path };
      process.stdout.write(
        values.json
          ? `${JSON.stringify({ ...named, ...compared }, null, 2)}\n`
          : previewText(named, compared),
      );
      return EXIT_OK;
    } finally {
      models.close();
    }
  } catch (error) {
    progress();
    return unreadable(`${values.history}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    await history?.close();
    rmSync(folder, { recursive: true, force: true });
  }
};

interface NamedRules {
  readonly name: string;
  readonly rules: Rules;
}

const rulesIn = (path: string): Either<string, NamedRules> => {
  const text = readText(path);
  if (isLeft(text)) return text;
  const rules = parseRules(text.right);
  return isLeft(rules)
    ? left(`${path}: ${rules.left.join('; ')}\ncallboard: callboard rules check ${path} tells the lines`)
    : right({ name: path, rules: rules.right });
};

const rulesInForce = (): Either<string, NamedRules> => {
  const config = readEnvironment();
  if (isLeft(config)) return left(config.left.message);
  const { rulesPath } = config.right;
  const rules = loadRules(rulesPath);
  return isLeft(rules)
    ? left(rules.left.message)
    : right({ name: rulesPath ?? 'the built-in rules', rules: rules.right });
};

const webhooksIn = (path: string): Either<string, ReadonlyArray<SavedWebhook>> => {
  const text = readText(path);
  return isLeft(text) ? text : mapLeft((reason: string) => `${path}: ${reason}`)(readWebhooks(text.right));
};

const openHistory = async (
  path: string,
  rules: readonly [Rules, Rules],
  webhooks: ReadonlyArray<SavedWebhook> | undefined,
  folder: string,
): Promise<Either<string, History>> => {
  const found = historyAt(path);
  if (isLeft(found)) return found;
  if (found.right.kind === 'changes') {
    return changesHistory({ path, rules, webhooks, folder, onProgress: progress });
  }
  if (webhooks !== undefined) return left('--webhooks is for CloudEvents: a store has its own webhooks');
  return storeHistory(found.right.path, progress);
};

/** On a terminal: how much of the history is done. Without a share the line is cleared. */
const progress = (share?: number): void => {
  if (!process.stderr.isTTY) return;
  process.stderr.write(share === undefined ? '\r\u001b[K' : `\r${Math.floor(share * 100)} % of the history`);
};
