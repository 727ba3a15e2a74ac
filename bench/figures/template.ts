import { isLeft } from 'fp-ts/lib/Either.js';
import { isDeepStrictEqual } from 'node:util';
import { Pool } from 'undici';
import { parseTemplate, renderTemplate, type TemplateValues } from '../../src/domain/template.ts';
import type { Bench, Figure } from '../support/figure.ts';
import { interleaved } from '../support/interleave.ts';
import { median } from '../support/statistics.ts';

/**
 * What filling a body template costs beside sending the body. The data is JSON text already, as it is when a change
 * is told to a webhook; each body is brought to bytes, as it is when it is sent.
 */
export const template: Figure = {
  name: 'template',
  async measure(bench) {
    const parsed = parseTemplate(PRINTED, 'json');
    if (isLeft(parsed)) throw new Error(`the printed template is refused: ${parsed.left.reason}`);
    const filled = (): string => renderTemplate(parsed.right, VALUES);
    const stringified = (): string => JSON.stringify(BODY);
    const body = filled();
    if (!isDeepStrictEqual(JSON.parse(body), BODY))
      throw new Error(`the template was filled wrongly: ${body}`);
    for (const make of [filled, stringified]) usPerBody(make);

    const pool = new Pool(bench.receiver.url, { connections: IN_FLIGHT, pipelining: 1 });
    await cpuUsPerPost(bench, pool, body);
    const us = await interleaved(
      bench.runs,
      {
        stringified: async () => usPerBody(stringified),
        posted: () => cpuUsPerPost(bench, pool, body),
        filled: async () => usPerBody(filled),
      },
      (run, side, took) => bench.progress(`run ${run}, ${side}: ${took.toFixed(2)} µs a body`),
    );
    await pool.close();
    return [
      {
        figure: `Filling the body template of an order (${Buffer.byteLength(body).toLocaleString('en-US')} bytes)`,
        unit: 'µs',
        runs: us.filled,
        baseline: { name: 'JSON.stringify of the body', unit: 'µs', runs: us.stringified },
        goal: null,
      },
      {
        figure: '… against the CPU time of sending it',
        unit: 'µs',
        runs: us.filled,
        baseline: { name: 'undici POST', unit: 'µs', runs: us.posted },
        goal: { of: 'ratio', atMost: 0.05 },
      },
    ];
  },
};

const PRINTED = '{ "eventType": "@eventType", "contextId": @contextId, "data": @data}';

/** As printed in the vendor's example of ORDER_SAVED. */
const ORDER = {
  id: 37228036,
  createdDate: '2021-11-02T07:47:57.000Z',
  channel: 'ONLINE',
  refCode: '',
  offerCode: '',
  customer: {
    id: 6702175,
    email: 'test@moshtix.com',
    firstName: 'Fred',
    lastName: 'Durst',
    telephone: '0433567777',
  },
  event: {
    id: 132218,
    name: 'Test API Event',
    startDate: '2023-12-31T22:30:00.000Z',
    endDate: '2023-12-31T23:30:00.000Z',
    client: null,
    tags: { items: [] },
  },
  tickets: {
    items: [
      {
        id: 29734124,
        firstName: null,
        lastName: null,
        valid: true,
        barcode: 'F2D705C60392480385CD7BEF6C0A70DF',
        unitCost: 0,
        bookingFee: 0,
        totalCost: 0,
        discount: 0,
        ticketType: { id: 360875, name: 'free', tags: { items: [] } },
      },
    ],
  },
  transactions: {
    items: [
      {
        id: 12894177,
        type: 'PURCHASE',
        status: 'SUCCESS',
        ipAddress: '2001:8004:1140:7f9e:64bc:1ec4:94a7:de87',
      },
    ],
  },
};

const BODY = { eventType: 'order-saved-prepare-full-message', contextId: ORDER.id, data: ORDER };
const VALUES: TemplateValues = {
  eventType: BODY.eventType,
  contextId: String(BODY.contextId),
  dataJson: JSON.stringify(ORDER),
};

const BATCHES = 100;
const BODIES_PER_BATCH = 1_000;
const IN_FLIGHT = 64;

const bytes = Buffer.alloc(64 * 1024);

/** Of the batch in the middle, so that collections of garbage in a few of them do not count. */
const usPerBody = (make: () => string): number => {
  const batches = Array.from({ length: BATCHES }, () => {
    const startedMs = performance.now();
    for (let made = 0; made < BODIES_PER_BATCH; made += 1) bytes.write(make());
    return ((performance.now() - startedMs) * 1000) / BODIES_PER_BATCH;
  });
  return median(batches);
};

/** CPU time of this process, the kernel's part of sending included; the receiver is another process. */
const cpuUsPerPost = async ({ receiver, size }: Bench, pool: Pool, body: string): Promise<number> => {
  const count = size.backlogDeliveries;
  await receiver.expect(count);
  const headers = { 'content-type': 'application/json' };
  let sent = 0;
  const sendUntilDone = async (): Promise<void> => {
    while (sent < count) {
      sent += 1;
      const answer = await pool.request({ path: '/webhook', method: 'POST', headers, body });
      await answer.body.dump();
    }
  };
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: IN_FLIGHT }, sendUntilDone));
  const { user, system } = process.cpuUsage(before);
  await receiver.allArrived();
  return (user + system) / count;
};
