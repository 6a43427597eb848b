import type { components } from "./schema.js";

export type Problem = components["schemas"]["Problem"];

/** Base of what this package throws. */
export class SoukError extends Error {
  override readonly name: string = "SoukError";
}

/** Nobody answered for longer than the client's patience. */
export class MarketUnreachableError extends SoukError {
  override readonly name = "MarketUnreachableError";
}

/** The market's refusal: a stable `code`, and what can be done next. `problem` is the whole document. */
export class ApiProblem extends SoukError {
  override readonly name = "ApiProblem";

  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(`${status} ${problem.code}: ${problem.detail}`);
  }

  get code(): string {
    return this.problem.code;
  }

  get nextActions(): string[] {
    return this.problem.next_actions;
  }

  /** Of an answer that is no success; one that a proxy made in the market's place gets a code of its own. */
  static async of(answer: Response): Promise<ApiProblem> {
    const text = await answer.text();
    try {
      const body: unknown = JSON.parse(text);
      if (body !== null && typeof body === "object" && "code" in body) {
        return new ApiProblem(answer.status, body as Problem);
      }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    return new ApiProblem(answer.status, {
      type: "about:blank",
      title: answer.statusText,
      status: answer.status,
      detail: text.slice(0, 200) || answer.statusText,
      code: `http.${answer.status}`,
      instance: new URL(answer.url).pathname,
      next_actions: [],
    });
  }
}
