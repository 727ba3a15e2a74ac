import type { Clock } from '../ports/clock.ts';
import type { HttpSender } from '../ports/http-sender.ts';
import type { Metrics } from '../ports/metrics.ts';

/** A sender whose attempts are counted, each by how it ended. */
export const measuredSender = (
  sender: HttpSender,
  clock: Pick<Clock, 'monotonicMs'>,
  metrics: Pick<Metrics, 'attemptEnded'>,
): HttpSender => ({
  send: async (request, signal) => {
    const startedMs = clock.monotonicMs();
    const outcome = await sender.send(request, signal);
    const succeeded = outcome.kind === 'answered' && outcome.statusCode >= 200 && outcome.statusCode <= 299;
    const ended = outcome.kind === 'interrupted' ? outcome.kind : succeeded ? 'succeeded' : 'failed';
    metrics.attemptEnded(ended, Math.max(0, clock.monotonicMs() - startedMs));
    return outcome;
  },
  close: () => sender.close(),
});
