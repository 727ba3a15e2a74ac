import { audit } from './audit.ts';
import { backup } from './backup.ts';
import { demo } from './demo.ts';
import { erase } from './erase.ts';
import { load } from './load.ts';
import { migrate } from './migrate.ts';
import { orders } from './orders.ts';
import { restore } from './restore.ts';
import { rules } from './rules.ts';
import { scavenge } from './scavenge.ts';
import { serve } from './serve.ts';
import { simulate } from './simulate.ts';
import { token } from './token.ts';
import { EXIT_USAGE, type Command } from './command.ts';

const COMMANDS: Readonly<Record<string, Command>> = {
  serve,
  demo,
  token,
  rules,
  audit,
  erase,
  backup,
  restore,
  migrate,
  scavenge,
  orders,
  load,
  simulate,
};

const HELP = `callboard <command>

${Object.entries(COMMANDS)
  .map(([name, { summary }]) => `  ${name.padEnd(8)} ${summary}`)
  .join('\n')}

callboard <command> --help tells more of one.
`;

const [name, ...rest] = process.argv.slice(2);
const command = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name];
if (command === undefined) {
  const asked = name === '--help' || name === 'help';
  if (!asked && name !== undefined) process.stderr.write(`callboard: there is no command "${name}"\n\n`);
  (asked ? process.stdout : process.stderr).write(HELP);
  process.exitCode = asked ? 0 : EXIT_USAGE;
} else if (rest.includes('--help')) {
  process.stdout.write(command.helpOn?.(rest) ?? command.help);
} else {
  process.exitCode = await command.run(rest);
}
