import type { Evidence, OrderData } from './audit.ts';
import { type EndedRequest, isAccepted } from './receiver.ts';
import type { Screen } from './screen.ts';

/** One order's life: what the platform reported, and how the receivers of both dialects heard of it. */
export const printOrderLife = (screen: Screen, evidence: Evidence, orderId: number): void => {
  const { accepted, invocations, requests, subscriptions } = evidence;
  const dialectOf = new Map(subscriptions.map(({ webhook, dialect }) => [webhook, dialect]));
  const firstAccepted = new Map(
    requests.filter(isAccepted).map((request) => [request.headers['webhook-id'] ?? '', request] as const),
  );
  const steps = accepted.filter(({ event }) => event.subject === String(orderId));
  const rows = steps.map(({ event, change }) => {
    const told = invocations.filter((invocation) => invocation.change === change);
    const heard = (dialect: string): ReadonlyArray<EndedRequest> =>
      told.flatMap(({ guid, webhook }) =>
        dialectOf.get(webhook) === dialect ? (firstAccepted.get(guid) ?? []) : [],
      );
    return [
      event.type,
      heard('openticket')
        .map(({ headers }) => headers['openticket-trigger'])
        .join(', ') || 'not subscribed',
      heard('moshtix').map(inShort).join(', ') || 'nothing',
    ];
  });
  screen.table(
    [
      { title: `order ${orderId}` },
      { title: 'OpenTicket-Trigger' },
      { title: 'ORDER_SAVED: tickets, transactions' },
    ],
    rows,
  );
};

const inShort = ({ body }: EndedRequest): string => {
  const { data } = JSON.parse(body) as { readonly data: OrderData };
  const { items } = data.tickets;
  const valid = items.filter((ticket) => ticket.valid).length;
  const transactions = data.transactions.items.map(({ type }) => type).join(' + ');
  return `${valid} of ${items.length} valid, ${transactions}`;
};
