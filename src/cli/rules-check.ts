import { randomInt } from 'node:crypto';
import { isLeft } from 'fp-ts/lib/Either.js';
import { BUGS } from '../../simulator/rules/bugs.ts';
import { checkRules, type Outcome, RUNS_DEFAULT } from '../../simulator/rules/check.ts';
import { lintRules } from '../../simulator/rules/lint.ts';
import { PROPERTIES } from '../../simulator/rules/properties.ts';
import type { Rules } from '../domain/rules.ts';
import { EXIT_FINDINGS, EXIT_OK, misused, parseOptions } from './command.ts';
import { numberOption, readText, unreadable } from './rules-input.ts';

/** `callboard rules check`. */

const OPTIONS = {
  seed: { type: 'string' },
  runs: { type: 'string' },
  property: { type: 'string', multiple: true },
  bug: { type: 'string' },
} as const;

const SEED_MAX = 2 ** 31 - 1;
const RUNS_MAX = 1_000_000;

export const check = async (args: ReadonlyArray<string>, help: string): Promise<number> => {
  const options = parseOptions(args, OPTIONS, true);
  if (isLeft(options)) return misused(options.left, help);
  const { positionals, values } = options.right;
  const { property: names = [], bug } = values;
  if (names.includes('list')) return list(PROPERTIES.map(({ name, says }) => [name, says]));
  if (bug === 'list') return list(BUGS.map(({ name, mistake }) => [name, mistake]));
  const [path, ...more] = positionals;
  if (path === undefined || more.length > 0) return misused('rules check takes one FILE', help);
  const unknown = names.find((name) => !PROPERTIES.some((one) => one.name === name));
  if (unknown !== undefined)
    return misused(`there is no property "${unknown}"; --property list names them`, help);
  const planted = BUGS.find(({ name }) => name === bug);
  if (bug !== undefined && planted === undefined)
    return misused(`there is no bug "${bug}"; --bug list names them`, help);
  const seed = numberOption('seed', values.seed, -SEED_MAX - 1, SEED_MAX);
  if (isLeft(seed)) return misused(seed.left, help);
  const runs = numberOption('runs', values.runs, 1, RUNS_MAX);
  if (isLeft(runs)) return misused(runs.left, help);
  const text = readText(path);
  if (isLeft(text)) return unreadable(text.left);

  const lint = lintRules(text.right);
  for (const { line, reason } of lint.findings) say(`${path}:${line}: ${reason}`);
  if (lint.rules === undefined) {
    say(`${path}: a server would not start with these rules; nothing was tried out`);
    return EXIT_FINDINGS;
  }
  say(
    `${path}: ${sizeOf(lint.rules)}; ${lint.findings.length === 0 ? 'nothing' : 'see above what'} to look at`,
  );

  const properties = PROPERTIES.filter(({ name }) => names.length === 0 || names.includes(name));
  const chosen = seed.right ?? randomInt(SEED_MAX);
  const each = runs.right ?? RUNS_DEFAULT;
  say(`\nTrying it out in ${each} worlds for each property, seed ${chosen}`);
  const outcomes = checkRules({
    rules: lint.rules,
    properties,
    runs: each,
    seed: chosen,
    ...(planted !== undefined && { subject: planted.subject }),
  });
  let violations = 0;
  let done = 0;
  progress(done, properties.length);
  for await (const outcome of outcomes) {
    done += 1;
    progress();
    if (outcome.failure !== undefined) violations += 1;
    say(
      outcomeText(outcome, ['callboard rules check', path, ...replaying(outcome, chosen, values.runs, bug)]),
    );
    progress(done, properties.length);
  }
  progress();
  return violations + lint.findings.length > 0 ? EXIT_FINDINGS : EXIT_OK;
};

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const list = (rows: ReadonlyArray<readonly [string, string]>): number => {
  for (const [name, meaning] of rows) say(`${name.padEnd(22)} ${meaning}`);
  return EXIT_OK;
};

const sizeOf = ({ direct, propagation }: Rules): string =>
  `${direct.length} direct triggers, ${propagation.length} propagation rules`;

const replaying = (
  { property }: Outcome,
  seed: number,
  runs: string | undefined,
  bug: string | undefined,
): ReadonlyArray<string> => [
  `--seed ${seed}`,
  `--property ${property.name}`,
  ...(runs === undefined ? [] : [`--runs ${runs}`]),
  ...(bug === undefined ? [] : [`--bug ${bug}`]),
];

const outcomeText = ({ property, runs, failure }: Outcome, again: ReadonlyArray<string>): string => {
  if (failure === undefined) return `  ok      ${property.says}`;
  const drawn = failure.picture.split('\n').map((line) => `    ${line}`.trimEnd());
  return [
    `  FAILED  ${property.says}`,
    `          in world ${runs}; this is the smallest that was found:`,
    '',
    ...drawn,
    '',
    `    Again     ${again.join(' ')}`,
    '',
  ].join('\n');
};

/** On a terminal: how many properties are done. Without numbers the line is cleared. */
const progress = (done?: number, all?: number): void => {
  if (!process.stderr.isTTY) return;
  process.stderr.write(done === undefined || done === all ? '\r\u001b[K' : `\r${done} of ${all} properties`);
};
