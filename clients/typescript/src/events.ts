/** Server-sent events of the market's two streams, resumed behind the last one after every cut. */
import { EventSourceParserStream } from "eventsource-parser/stream";

import { pause } from "./repeating.js";

const RECONNECT_MS = 1_000;

export interface StreamEvent<T> {
  /** The cursor: a stream that is opened `after` it goes on behind this event. */
  cursor: string;
  data: T;
}

/** `open` connects behind a cursor and gives the body; this goes on until the signal says stop. */
export async function* follow<T>(
  open: (after: string | undefined) => Promise<ReadableStream<Uint8Array>>,
  after: string | undefined,
  signal: AbortSignal | undefined,
): AsyncGenerator<StreamEvent<T>, void, undefined> {
  let cursor = after;
  for (;;) {
    try {
      const body = await open(cursor);
      const decoder = new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>;
      for await (const event of body.pipeThrough(decoder).pipeThrough(new EventSourceParserStream())) {
        if (event.id === undefined) continue;
        cursor = event.id;
        yield { cursor, data: JSON.parse(event.data) as T };
      }
    } catch (error) {
      if (signal?.aborted) return;
      // The body broke off: a TypeError. What the market refused, and what is wrong with an event, is the caller's.
      if (!(error instanceof TypeError)) throw error;
    }
    if (signal?.aborted) return;
    await pause(RECONNECT_MS, signal);
  }
}
