import { isLeft } from 'fp-ts/lib/Either.js';
import { readEnvironment, startServer } from '../main.ts';
import { openSimulations } from './simulations.ts';
import { type Command, failed, misused, parseOptions } from './command.ts';
import { expectShortLives } from './heap.ts';

const HELP = `callboard serve

Runs the server until SIGTERM or SIGINT. Configured by environment variables: see README.md.
`;

export const serve: Command = {
  summary: 'run the server (the same as npm start)',
  help: HELP,
  async run(args) {
    const options = parseOptions(args, {});
    if (isLeft(options)) return misused(options.left, HELP);
    const config = readEnvironment();
    if (isLeft(config)) return failed(config.left.message);
    expectShortLives();
    const simulations = openSimulations();
    const started = await startServer(config.right, { simulations });
    if (isLeft(started)) return failed(started.left.message);
    const { ended } = started.right;
    const stop = (): void => started.right.stop();
    // A second signal changes nothing: the drain has its own bound.
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    return ended.finally(() => simulations.close());
  },
};
