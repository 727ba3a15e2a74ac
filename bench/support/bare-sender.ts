import { requestHeaders } from '../../src/domain/openticket-request.ts';
import { VERSION } from '../../src/version.ts';
import type { SendAsk } from '../processes/sender.ts';
import type { Bench } from './figure.ts';
import { fourWebhooks, scheduled, toldOfUpdate } from './made-up.ts';
import { type Arrivals, arrivalRate } from './receiver-process.ts';
import { startWorker } from './worker.ts';

const IN_FLIGHT = 64;

/**
 * Bare undici POSTs a second to the same receiver, with a body and headers as Callboard sends them. `warmUp` more are sent
 * before and not counted.
 */
export const bareSendRate = async ({ receiver }: Bench, count: number, warmUp = 0): Promise<number> => {
  const webhooks = fourWebhooks(receiver.url, () => 'none');
  const [webhook] = webhooks;
  if (webhook === undefined) throw new Error('there are four webhooks');
  const told = scheduled(toldOfUpdate(webhook, webhook.guid, 0, Date.now()));
  const headers = requestHeaders({
    scheduled: told,
    nonce: webhook.nonce,
    timestampSeconds: Math.floor(told.atMs / 1000),
    version: VERSION,
  });
  const sender = startWorker<SendAsk, null>(new URL('../processes/sender.ts', import.meta.url));
  const send = async (posts: number): Promise<Arrivals> => {
    await receiver.expect(posts);
    await sender.ask({
      origin: receiver.url,
      paths: webhooks.map(({ settings }) => new URL(settings.url).pathname),
      headers: { ...headers, 'webhook-signature': `v1,${'A'.repeat(43)}=`, 'accept-encoding': 'identity' },
      body: told.body,
      count: posts,
      inFlight: IN_FLIGHT,
    });
    return receiver.allArrived();
  };
  if (warmUp > 0) await send(warmUp);
  const arrivals = await send(count);
  await sender.stop();
  return arrivalRate(arrivals);
};
