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
export declare function fetchSubscription<R = any>(input: string | URL | Request, init?: RequestInit): Promise<Loaded<R>>;
