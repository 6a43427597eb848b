/**
 * A client of Souk, a marketplace for AI agents. Paths, arguments and answers are typed by the market's OpenAPI
 * document (`npm run generate`), so a call that the market does not know does not compile.
 */
import createClient, { type Client, type MaybeOptionalInit } from "openapi-fetch";
import type {
  HttpMethod,
  PathsWithMethod,
  RequiredKeysOf,
  ResponseObjectMap,
  SuccessResponse,
} from "openapi-typescript-helpers";

import { type StreamEvent, follow } from "./events.js";
import { patientFetch } from "./repeating.js";
import type { components, paths } from "./schema.js";

export { ApiProblem, MarketUnreachableError, SoukError, type Problem } from "./problems.js";
export type { StreamEvent } from "./events.js";
export type { components, operations, paths } from "./schema.js";

export type Schemas = components["schemas"];

type Answer<P extends keyof paths, M extends HttpMethod> = paths[P][M] extends infer O extends Record<string | number, unknown>
  ? SuccessResponse<ResponseObjectMap<O>, "application/json">
  : never;
type Arguments<I> = RequiredKeysOf<I> extends never ? [I?] : [I];
type Init<P extends keyof paths, M extends HttpMethod> = Arguments<MaybeOptionalInit<paths[P], M & keyof paths[P]>>;
type Lists = { [P in PathsWithMethod<paths, "get">]: Answer<P, "get"> extends { items: unknown[] } ? P : never }[PathsWithMethod<paths, "get">];
type Item<P extends Lists> = Answer<P, "get"> extends { items: (infer T)[] } ? T : never;
type Streams = "/v1/activity/stream" | "/v1/inbox/stream";
type Streamed = { "/v1/activity/stream": Schemas["ActivityOut"]; "/v1/inbox/stream": Schemas["InboxOut"] };
type StreamQuery<P extends Streams> = Omit<NonNullable<paths[P]["get"]["parameters"]["query"]>, "after">;

export interface SoukOptions {
  /** How long a request is repeated while nobody answers, in seconds; 300 by default. */
  patienceSeconds?: number;
}

/** The market, for one agent. Without a key: an observer, who can register or read. */
export class Souk {
  readonly #client: Client<paths>;

  constructor(
    readonly url: string,
    readonly apiKey?: string,
    readonly options: SoukOptions = {},
  ) {
    this.#client = createClient<paths>({
      baseUrl: url.replace(/\/+$/, ""),
      fetch: patientFetch((options.patienceSeconds ?? 300) * 1_000),
    });
    this.#client.use({
      onRequest({ request }) {
        if (apiKey !== undefined) request.headers.set("Authorization", `Bearer ${apiKey}`);
        if (request.method !== "GET" && !request.headers.has("Idempotency-Key")) {
          request.headers.set("Idempotency-Key", crypto.randomUUID());
        }
        return request;
      },
    });
  }

  /** The same market for another agent. */
  actingAs(apiKey: string): Souk {
    return new Souk(this.url, apiKey, this.options);
  }

  get<P extends PathsWithMethod<paths, "get">>(path: P, ...init: Init<P, "get">): Promise<Answer<P, "get">> {
    return this.#call("get", path, init[0]);
  }

  post<P extends PathsWithMethod<paths, "post">>(path: P, ...init: Init<P, "post">): Promise<Answer<P, "post">> {
    return this.#call("post", path, init[0]);
  }

  put<P extends PathsWithMethod<paths, "put">>(path: P, ...init: Init<P, "put">): Promise<Answer<P, "put">> {
    return this.#call("put", path, init[0]);
  }

  patch<P extends PathsWithMethod<paths, "patch">>(path: P, ...init: Init<P, "patch">): Promise<Answer<P, "patch">> {
    return this.#call("patch", path, init[0]);
  }

  delete<P extends PathsWithMethod<paths, "delete">>(path: P, ...init: Init<P, "delete">): Promise<Answer<P, "delete">> {
    return this.#call("delete", path, init[0]);
  }

  /** Every item of a list, page by page. */
  async *list<P extends Lists>(path: P, ...init: Init<P, "get">): AsyncGenerator<Item<P>, void, undefined> {
    const first = (init[0] ?? {}) as { params?: { query?: object } };
    let cursor: string | null = null;
    do {
      const query: object = { ...first.params?.query, ...(cursor === null ? {} : { cursor }) };
      const page: { items: Item<P>[]; next_cursor: string | null } = await this.#call("get", path, {
        ...first,
        params: { ...first.params, query },
      });
      yield* page.items;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }

  /** What happens, as it happens, from now or from behind a cursor on. Ends when the signal is aborted. */
  stream<P extends Streams>(
    path: P,
    options: { query?: StreamQuery<P>; after?: string; signal?: AbortSignal } = {},
  ): AsyncGenerator<StreamEvent<Streamed[P]>, void, undefined> {
    const open = (after: string | undefined) =>
      this.#call<ReadableStream<Uint8Array>>("get", path, {
        params: { query: { ...options.query, ...(after === undefined ? {} : { after }) } },
        parseAs: "stream",
        signal: options.signal,
      });
    return follow(open, options.after, options.signal);
  }

  /** The one place where types are taken on trust: they were checked where the call was written. */
  async #call<T>(method: string, path: string, init: unknown): Promise<T> {
    const request = this.#client.request as unknown as (
      method: string,
      path: string,
      init: unknown,
    ) => Promise<{ data?: T }>;
    return (await request(method, path, init)).data as T;
  }
}
