import { isLeft } from 'fp-ts/lib/Either.js';
import { loadRules, readEnvironment } from '../main.ts';
import { RESOURCES } from '../domain/resources.ts';
import type { Rules } from '../domain/rules.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from './command.ts';

const HELP = `callboard rules show [--json]

Prints the rules in force: which triggers a resource has, whom a change reaches over relations, and whether a scanned
ticket may be reissued. Operators replace them with a file named by CALLBOARD_RULES; --json prints them in the form of
that file.

callboard rules check FILE [--seed N] [--runs N] [--property NAME]… [--bug NAME]

Reads a rules file as the server would, looks for rules that cannot or need not be there, and then tries out who would
be told under it in generated worlds: what must hold whatever the rules say. A world in which it does not is made as
small as it can be and drawn, with the command that shows it again.
  --seed N         the same worlds as in an earlier run
  --runs N         worlds for each property, 200 if absent
  --property NAME  only this one; may be repeated, "list" names them
  --bug NAME       tries out the engine with a planted mistake, to see what a finding looks like; "list" names them
Exit code 1 when something was found, 2 when the file cannot be read.

callboard rules preview FILE --history PATH [--against FILE] [--webhooks FILE] [--examples N] [--json]

Decides for every change of a real history who would be told under FILE and who is told under the rules in force, and
shows where they differ.
  --history PATH   a data folder or its events.db (read only, also beside a running server), or changes as CloudEvents,
                   one JSON a line, as \`callboard orders\` prints them
  --against FILE   compares with this rules file instead of the rules in force
  --webhooks FILE  for CloudEvents: the webhooks, as GET /webhook lists them; without it everything that can be
                   subscribed to is
  --examples N     changes shown of each webhook, 3 if absent
Exit code 0 when it could be compared, whatever came out; 2 when a file cannot be read.
`;

export const rules: Command = {
  summary: 'show, check and preview propagation rules',
  help: HELP,
  async run([action, ...args]) {
    switch (action) {
      case 'show':
        return show(args);
      // Loaded when asked for: a server has no use for generated worlds.
      case 'check':
        return (await import('./rules-check.ts')).check(args, HELP);
      case 'preview':
        return (await import('./rules-preview.ts')).preview(args, HELP);
      default:
        return misused('rules takes: show, check or preview', HELP);
    }
  },
};

const show = (args: ReadonlyArray<string>): number => {
  const options = parseOptions(args, { json: { type: 'boolean', default: false } });
  if (isLeft(options)) return misused(options.left, HELP);
  const config = readEnvironment();
  if (isLeft(config)) return failed(config.left.message);
  const loaded = loadRules(config.right.rulesPath);
  if (isLeft(loaded)) return failed(loaded.left.message);
  process.stdout.write(options.right.values.json ? asFile(loaded.right) : asText(loaded.right));
  return EXIT_OK;
};

const asText = ({ direct, propagation, reissueScanned }: Rules): string => {
  const triggers = RESOURCES.map((resource) => {
    const names = direct.filter((rule) => rule.resource === resource).map(({ trigger }) => trigger);
    return `  ${resource.padEnd(8)} ${names.join(', ') || 'none'}`;
  });
  const reaches = propagation.map(
    ({ origin, trigger, reaches: types, source }) =>
      `  ${`${origin}.${trigger}`.padEnd(16)} reaches ${types.join(', ').padEnd(24)} (${source})`,
  );
  const scanned = `a scanned ticket may ${reissueScanned ? '' : 'not '}be reissued`;
  return `Direct triggers\n${triggers.join('\n')}\n\nPropagation over relations, same trigger\n${reaches.join('\n')}\n\nOrders\n  ${scanned}\n`;
};

const asFile = ({ direct, propagation, reissueScanned }: Rules): string => {
  const byResource = Object.fromEntries(
    RESOURCES.map((resource) => [
      resource,
      direct.filter((rule) => rule.resource === resource).map(({ trigger }) => trigger),
    ]),
  );
  const rulesFile = {
    direct: byResource,
    propagation: propagation.map(({ origin, trigger, reaches }) => ({ origin, trigger, reaches })),
    reissue_scanned: reissueScanned,
  };
  return `${JSON.stringify(rulesFile, null, 2)}\n`;
};
