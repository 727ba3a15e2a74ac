import { type ChildProcess, fork } from 'node:child_process';

/**
 * Questions to a process of its own, one at a time: it has its own event loop and its own share of the processors,
 * as a receiver or a client on another machine would.
 */
export interface WorkerProcess<Ask, Answer> {
  ask(question: Ask): Promise<Answer>;
  stop(): Promise<void>;
}

type Reply<Answer> = { readonly answer: Answer } | { readonly error: string };

const running = new Set<ChildProcess>();

/** For processes that must not outlive the command, however it ends. */
export const tie = (child: ChildProcess): void => {
  running.add(child);
  child.once('exit', () => running.delete(child));
};

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export const startWorker = <Ask extends object, Answer>(module: URL): WorkerProcess<Ask, Answer> => {
  const child = fork(module, { execArgv: [], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  tie(child);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));

  const ask = async (question: Ask): Promise<Answer> => {
    const replied = new Promise<Reply<Answer>>((resolve) => child.once('message', resolve));
    child.send(question);
    const reply = await Promise.race([
      replied,
      ended.then((code): Reply<Answer> => ({ error: `ended with code ${String(code)}` })),
    ]);
    if ('error' in reply) throw new Error(`${module.pathname}: ${reply.error}`);
    return reply.answer;
  };

  return {
    ask,
    async stop() {
      child.disconnect();
      await ended;
    },
  };
};

/** The other end: answers each question; ends when the asking process does. */
export const serveWorker = <Ask, Answer>(answer: (question: Ask) => Promise<Answer>): void => {
  const reply = (message: Reply<Answer>): void => void process.send?.(message);
  process.on('message', (question: Ask) => {
    answer(question).then(
      (given) => reply({ answer: given }),
      (error: unknown) =>
        reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit());
};
