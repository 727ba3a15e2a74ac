import { isLeft } from 'fp-ts/lib/Either.js';
import { loadRules, readEnvironment } from '../main.ts';
import { RESOURCES } from '../domain/resources.ts';
import type { Rules } from '../domain/rules.ts';
import { type Command, EXIT_OK, failed, misused, parseOptions } from './command.ts';

const HELP = `callboard rules show [--json]

Prints the rules in force: which triggers a resource has, whom a change reaches over relations, and whether a scanned
ticket may be reissued. Operators replace them with a file named by CALLBOARD_RULES; --json prints them in the form of
that file.
`;

export const rules: Command = {
  summary: 'show the propagation rules in force',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, { json: { type: 'boolean', default: false } }, true);
    if (isLeft(options)) return misused(options.left, HELP);
    const { positionals, values } = options.right;
    if (positionals.length !== 1 || positionals[0] !== 'show') return misused('rules takes: show', HELP);
    const config = readEnvironment();
    if (isLeft(config)) return failed(config.left.message);
    const loaded = loadRules(config.right.rulesPath);
    if (isLeft(loaded)) return failed(loaded.left.message);
    process.stdout.write(values.json ? asFile(loaded.right) : asText(loaded.right));
    return EXIT_OK;
  },
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
