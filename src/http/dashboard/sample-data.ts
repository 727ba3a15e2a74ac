import type { SystemEvent } from '../../domain/webhook.ts';

/** Data that could be, for showing what a template makes of it; its quotes and angle brackets are there on purpose. */
export const SAMPLES: Readonly<Record<SystemEvent, { readonly contextId: string; readonly data: unknown }>> =
  {
    ORDER_SAVED: {
      contextId: '37228036',
      data: {
        id: 37228036,
        createdDate: '2026-08-22T19:04:11.000Z',
        channel: 'ONLINE',
        customer: { id: 6702175, email: 'ada@example.com', firstName: 'Ada', lastName: 'O"Neill <test>' },
        event: { id: 132218, name: 'Summer Night' },
        tickets: {
          items: [
            {
              id: 29734124,
              valid: true,
              barcode: 'F2D705C60392480385CD7BEF6C0A70DF',
              ticketType: { id: 360875, name: 'Day ticket' },
            },
          ],
        },
      },
    },
    EVENT_SAVED: {
      contextId: '132218',
      data: {
        id: 132218,
        name: 'Summer Night',
        startDate: '2026-08-22T18:00:00.000Z',
        endDate: '2026-08-23T02:00:00.000Z',
        ticketTypes: { items: [{ id: 360875, name: 'Day ticket' }] },
      },
    },
  };
