/** What went wrong at the server's door, in words the screen can show. */

export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  /** Seconds the server asked us to wait, when it said so. */
  readonly retryAfter: number | null;

  constructor(status: number, code: string, detail: string, retryAfter: number | null = null) {
    super(`${code}: ${detail}`);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }

  /** Nobody answered, or somebody between us and the server did: worth trying again. */
  get passing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500;
  }
}

export function unreachable(): ApiError {
  return new ApiError(0, "unreachable", "Parlor can’t be reached right now.");
}

function retryAfterOf(response: Response): number | null {
  const header = response.headers.get("retry-after");
  const seconds = header === null ? NaN : Number(header);
  return Number.isFinite(seconds) ? seconds : null;
}

export async function errorOf(response: Response): Promise<ApiError> {
  const retryAfter = retryAfterOf(response);
  try {
    const body: unknown = await response.json();
    if (typeof body === "object" && body !== null && "code" in body && "detail" in body) {
      return new ApiError(response.status, String(body.code), String(body.detail), retryAfter);
    }
  } catch {
    // A proxy's HTML page or a cut body: the status is all there is to tell.
  }
  const detail = `The server answered ${String(response.status)}.`;
  return new ApiError(response.status, "unexpected_answer", detail, retryAfter);
}

/** The sentence to show for anything that was thrown. */
export function wordsFor(problem: unknown): string {
  return problem instanceof ApiError ? problem.detail : "Something went wrong on this page.";
}
