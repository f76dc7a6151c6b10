/** What the client needs of a WebSocket: the browser's, the one of Node.js 22, and that of the package ws all fit. */
export interface WebSocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: ((event: any) => any) | null;
  onmessage: ((event: any) => any) | null;
  onerror: ((event: any) => any) | null;
  onclose: ((event: any) => any) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** The class of a WebSocket. */
export type WebSocketClass = new (url: string) => WebSocketLike;

/** Gets a token; without one, the client connects or goes on without an identity. */
export type TokenProvider = () => Token | Promise<Token>;
type Token = string | null | undefined;

/** Settings of a client. All times are milliseconds. */
export interface SnorkyOptions {
  /** The class to connect with. Default: the WebSocket of the browser, worker or runtime. */
  WebSocket?: WebSocketClass;
  /**
   * Who the client is: put into the address as the parameter `access_token`. A function is called for each attempt to
   * connect; if it fails, so has the attempt.
   */
  token?: string | TokenProvider;
  /** How long an attempt to connect may take before it counts as failed. Default: 20 000. */
  connectTimeout?: number;
  /** How long a call may take, the time it is queued included. 0: for ever. Default: 30 000. */
  callTimeout?: number;
  /** How many bytes may wait to be sent; calls beyond that are rejected. Default: 1 MiB. */
  maxQueuedBytes?: number;
  /** The longest wait before the first new attempt; doubled with each attempt that fails. Default: 500. */
  backoffBase?: number;
  /** The longest wait before any new attempt. Default: 30 000. */
  backoffCap?: number;
  /** The shortest wait when the server asked to come back later. Default: 15 000. */
  laterDelay?: number;
  /** How long a connection must last before the wait starts from backoffBase again. Default: 5 000. */
  stableAfter?: number;
}

export type Settings = Required<Omit<SnorkyOptions, "token">> & Pick<SnorkyOptions, "token">;

/** Fills in the defaults. Throws a TypeError where there is no WebSocket class at all. */
export function settings(options: SnorkyOptions): Settings {
  const { WebSocket = globalThis.WebSocket } = options;
  if (!WebSocket) {
    throw new TypeError("no WebSocket here: give one as option");
  }
  const {
    connectTimeout = 20_000,
    callTimeout = 30_000,
    maxQueuedBytes = 1 << 20,
    backoffBase = 500,
    backoffCap = 30_000,
    laterDelay = 15_000,
    stableAfter = 5_000,
  } = options;
  const times = { connectTimeout, callTimeout, backoffBase, backoffCap, laterDelay, stableAfter };
  return { ...options, WebSocket, maxQueuedBytes, ...times };
}

/** Makes the address absolute, with the scheme of WebSockets. Without a page to start from it must be absolute. */
export function address(url: string | URL): string {
  return new URL(url, globalThis.location?.href).href.replace(/^http/, "ws");
}

/** Puts a token into an address. */
export function withToken(address: string, token: Token): string {
  const url = new URL(address);
  if (token) {
    url.searchParams.set("access_token", token);
  }
  return url.href;
}
