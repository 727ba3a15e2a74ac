// `callboard/rules-testing`: in a checkout the source itself, in the published package what was compiled from it.
import { existsSync } from 'node:fs';

const compiled = new URL('../dist/simulator/rules/index.js', import.meta.url);
const source = new URL('./rules/index.ts', import.meta.url);
const toolkit = await import((existsSync(source) ? source : compiled).href);

export const {
  anyRules,
  asProperty,
  assertRules,
  BUGS,
  BUILT_IN_RULES,
  chains,
  changes,
  checkRules,
  couldEverFire,
  cycles,
  diamonds,
  engine,
  engineWith,
  fc,
  graphs,
  lintRules,
  moves,
  oracle,
  parseRules,
  picture,
  programmes,
  PROPERTIES,
  refs,
  smallest,
  tangles,
  trials,
  webhooks,
  worlds,
} = toolkit;
