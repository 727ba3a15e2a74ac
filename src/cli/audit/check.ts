import { isLeft } from 'fp-ts/lib/Either.js';
import { checkProof } from '../../audit/proof-check.ts';
import { EXIT_FINDINGS, EXIT_OK, failed } from '../command.ts';
import { readText } from './files.ts';

/** `callboard audit check` */
export const runCheck = (path: string, rootPath?: string, keyPath?: string): number => {
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
