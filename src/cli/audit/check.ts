import { isLeft } from 'fp-ts/lib/Either.js';
import { checkProof } from '../../audit/proof-check.ts';
import { type Command, EXIT_FINDINGS, EXIT_OK, failed, misused, parseOptions } from '../command.ts';
import { readText } from './files.ts';

const HELP = `callboard audit check FILE [--root FILE] [--key FILE]

Checks a proof made by 'callboard audit prove'. Needs neither a store nor a server. Exit code 1 when it does not hold.

  --root FILE  the root that you have kept
  --key FILE   the operator's public key
`;

export const check: Command = {
  summary: 'checks a proof; needs neither store nor server',
  help: HELP,
  run: async (args) => {
    const options = parseOptions(args, { root: { type: 'string' }, key: { type: 'string' } }, true);
    if (isLeft(options)) return misused(options.left, HELP);
    const { positionals, values } = options.right;
    const [path, ...more] = positionals;
    if (path === undefined || more.length > 0) return misused('check takes one file', HELP);
    return runCheck(path, values.root, values.key);
  },
};

const runCheck = (path: string, rootPath?: string, keyPath?: string): number => {
  const texts: (string | undefined)[] = [];
  for (const each of [path, rootPath, keyPath]) {
    const text = each === undefined ? undefined : readText(each);
    if (text !== undefined && isLeft(text)) return failed(text.left);
    texts.push(text?.right);
  }
  const [proof = '', root, key] = texts;
  const checked = checkProof(proof, root, key);
  if (!checked.holds) {
    process.stdout.write(`${path} does not hold: ${checked.reason}.\n`);
    return EXIT_FINDINGS;
  }
  process.stdout.write(`${checked.lines.join('\n')}\n`);
  return EXIT_OK;
};
