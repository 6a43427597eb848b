/**
 * When a request is sent again: no connection, 429, 502 to 504, 409 `idempotency.in_flight`, and a few times 500.
 * The same Idempotency-Key goes with every attempt, so a request whose answer got lost is done once.
 */
import { ApiProblem, MarketUnreachableError } from "./problems.js";

const FIRST_DELAY_MS = 200;
const MAX_DELAY_MS = 5_000;
const FAULTS_ALLOWED = 4;
const TRANSIENT = new Set([429, 502, 503, 504]);

function isWorthRepeating(problem: ApiProblem, attempt: number): boolean {
  if (problem.status === 500) return attempt < FAULTS_ALLOWED;
  return TRANSIENT.has(problem.status) || problem.code === "idempotency.in_flight";
}

function delayMs(attempt: number, answer: Response | undefined): number {
  const asked = Number(answer?.headers.get("Retry-After") ?? Number.NaN);
  if (Number.isFinite(asked)) return asked * 1_000 * (1 + Math.random() / 4);
  const ceiling = Math.min(MAX_DELAY_MS, FIRST_DELAY_MS * 2 ** attempt);
  return ceiling * (0.5 + Math.random() / 2);
}

/** Waits, unless the signal says that nobody waits any longer. */
export function pause(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}

/**
 * A `fetch` that repeats what may succeed later, for `patienceMs` at most. A refusal is thrown as an `ApiProblem`,
 * silence as a `MarketUnreachableError`.
 */
export function patientFetch(patienceMs: number): (request: Request) => Promise<Response> {
  return async (request) => {
    const deadline = Date.now() + patienceMs;
    for (let attempt = 0; ; attempt += 1) {
      let answer: Response | undefined;
      let failure: ApiProblem | MarketUnreachableError;
      try {
        answer = await fetch(request.clone());
        if (answer.ok) return answer;
        failure = await ApiProblem.of(answer);
        if (!isWorthRepeating(failure as ApiProblem, attempt)) throw failure;
      } catch (error) {
        if (error instanceof ApiProblem || request.signal.aborted) throw error;
        failure = new MarketUnreachableError(`no answer from ${new URL(request.url).origin}`, { cause: error });
      }
      const wait = delayMs(attempt, answer);
      if (Date.now() + wait > deadline) throw failure;
      await pause(wait, request.signal);
    }
  };
}
