import { parseArgs, type ParseArgsConfig } from 'node:util';
import { type Either, left, right } from 'fp-ts/lib/Either.js';

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  readonly help: string;
  /** Of a command that has commands of its own: what to say to these arguments and --help. */
  helpOn?(args: ReadonlyArray<string>): string;
  /** Answers the exit code. */
  run(args: ReadonlyArray<string>): Promise<number>;
}

export const EXIT_OK = 0;
export const EXIT_FINDINGS = 1;
export const EXIT_USAGE = 2;

/** The platform's argument parser, with its complaint as a value. */
export const parseOptions = <O extends NonNullable<ParseArgsConfig['options']>>(
  args: ReadonlyArray<string>,
  options: O,
  allowPositionals = false,
): Either<string, ReturnType<typeof parseArgs<{ options: O; allowPositionals: boolean }>>> => {
  try {
    return right(parseArgs({ args: [...args], options, allowPositionals, strict: true }));
  } catch (error) {
    return left(error instanceof Error ? error.message : String(error));
  }
};

/** Says what is wrong with the call, and how it goes. */
export const misused = (complaint: string, help: string): number => {
  process.stderr.write(`callboard: ${complaint}\n\n${help}`);
  return EXIT_USAGE;
};

/** Says why it did not work. */
export const failed = (message: string): number => {
  process.stderr.write(`callboard: ${message}\n`);
  return EXIT_FINDINGS;
};

/** What was found cannot be told: the disk is full, or whoever read it (`head`) has gone, which is no news to anybody. */
export const nobodyReads = ({ code, message }: NodeJS.ErrnoException): never =>
  process.exit(code === 'EPIPE' ? EXIT_FINDINGS : failed(`what was found cannot be written: ${message}`));

/** A command that consists of others: `callboard audit verify`. */
export const group = (
  name: string,
  summary: string,
  commands: Readonly<Record<string, Command>>,
): Command => {
  const width = Math.max(...Object.keys(commands).map((one) => one.length));
  const list = Object.entries(commands).map(([one, each]) => `  ${one.padEnd(width)}  ${each.summary}\n`);
  const help = `callboard ${name} <command>\n\n${list.join('')}\ncallboard ${name} <command> --help tells more of one.\n`;
  const commandIn = (args: ReadonlyArray<string>): Command | undefined => {
    const [asked] = args;
    return asked !== undefined && Object.hasOwn(commands, asked) ? commands[asked] : undefined;
  };
  return {
    summary,
    help,
    helpOn: (args) => commandIn(args)?.help ?? help,
    run: async (args) => {
      const [asked, ...rest] = args;
      const found = commandIn(args);
      // Taken off first: there is one, however often this is run in a process.
      process.stdout.off('error', nobodyReads).on('error', nobodyReads);
      if (found !== undefined) return found.run(rest);
      return misused(asked === undefined ? `${name} what?` : `there is no ${name} "${asked}"`, help);
    },
  };
};
