import { isObject } from "../json.js";

/** Loaded data with the token of the subscription that tells of their changes. */
export interface Loaded<R> {
  /** What the backend's `authorizeSubscription` returned, before the data were read from the database. */
  readonly token: string;
  readonly data: R;
}

/**
 * Fetches data with a subscription: sends the header `X-Snorky: Subscribe` along, and expects JSON. The token comes in
 * the header `X-Subscription-Token`, and then the body is the data; or the body is `{"token": TOKEN, "data": DATA}`.
 * Rejects if the status is not 2xx or there is no token. (From another origin, the header has to be named in
 * `Access-Control-Expose-Headers`.)
 */
export async function fetchSubscription<R = any>(
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<Loaded<R>> {
  const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
  headers.set("X-Snorky", "Subscribe");
  if (!headers.has("Accept")) {
    headers.set("Accept", "application/json");
  }
  const response = await fetch(input, { ...init, headers });
  if (!response.ok) {
    throw new Error(`${response.url} answered ${response.status}`);
  }
  const body: unknown = await response.json();
  const token = response.headers.get("X-Subscription-Token");
  if (token) {
    return { token, data: body as R };
  }
  if (isObject(body) && typeof body.token === "string" && "data" in body) {
    return { token: body.token, data: body.data as R };
  }
  throw new Error(`${response.url} answered without a subscription token`);
}
