import { parseArgs, type ParseArgsConfig } from 'node:util';
import { type Either, left, right } from 'fp-ts/lib/Either.js';

export interface Command {
  /** One line for the list of commands. */
  readonly summary: string;
  readonly help: string;
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
