/** The one client of the HTTP API: CSRF, typed errors, uploads with progress. */
import { pageData } from "mapwright/lib/dom.js";
import { signedInAgain } from "mapwright/lib/notices.js";

/** The server answered with an error: `{code, detail}` and any data that helps to mend it. */
export class ApiError extends Error {
  constructor(status, body) {
    super(body.detail || `The server answered ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.code = body.code || "error";
    this.data = body;
    this.fields = body.fields || {};
  }

  /** Trying the same again later may help. */
  get passing() {
    return this.status >= 500 || this.status === 429 || this.status === 408;
  }

  get signedOut() {
    return (
      this.status === 401 ||
      this.code === "other_person" ||
      this.code === "not_authenticated" ||
      /CSRF/.test(this.message)
    );
  }
}

/** No answer came: no network, or the server is away. */
export class ConnectionError extends Error {
  constructor() {
    super("The server can't be reached. Check the connection; nothing is lost, this page tries again.");
    this.name = "ConnectionError";
    this.passing = true;
    this.signedOut = false;
  }
}

/** The cookie is newer than the page where somebody signed in again in another tab. */
export const csrf = () =>
  document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? document.querySelector("meta[name=csrf-token]").content;

function bodyOf(text) {
  try {
    const body = text ? JSON.parse(text) : {};
    return body ?? {};
  } catch {
    return {};
  }
}

/** Read-only names of the fields a 400 complains of, as one sentence each. */
export function fieldErrors(error) {
  return Object.entries(error.fields ?? {}).map(([name, texts]) => [name, [texts].flat().map(String).join(" ")]);
}

/** What every request carries: from whose page it comes; the server refuses it once somebody else has signed in. */
function headersOf(method) {
  const { id } = pageData("person");
  return {
    Accept: "application/json",
    ...(id ? { "X-Person": String(id) } : {}),
    ...(method === "GET" ? {} : { "X-CSRFToken": csrf() }),
  };
}

async function call(method, path, body) {
  const headers = headersOf(method);
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch {
    throw new ConnectionError();
  }
  const answer = bodyOf(await response.text().catch(() => ""));
  if (!response.ok) throw new ApiError(response.status, answer);
  signedInAgain();
  return answer;
}

/** Send a form with files; `onProgress(share)` follows the bytes sent, `signal` stops it. */
function upload(path, form, { onProgress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", path);
    for (const [name, value] of Object.entries(headersOf("POST"))) request.setRequestHeader(name, value);
    request.upload.addEventListener(
      "progress",
      (event) => event.lengthComputable && onProgress?.(event.loaded / event.total),
    );
    request.addEventListener("load", () => {
      const answer = bodyOf(request.responseText);
      if (request.status >= 200 && request.status < 300) resolve(answer);
      else reject(new ApiError(request.status, answer));
    });
    request.addEventListener("error", () => reject(new ConnectionError()));
    request.addEventListener("abort", () => reject(new DOMException("stopped", "AbortError")));
    signal?.addEventListener("abort", () => request.abort());
    request.send(form);
  });
}

/** Rows of a list, whether it comes paged or plain. */
export const rows = (answer) => (Array.isArray(answer) ? answer : (answer.results ?? []));

export const api = {
  get: (path) => call("GET", path),
  post: (path, body = {}) => call("POST", path, body),
  patch: (path, body) => call("PATCH", path, body),
  put: (path, body) => call("PUT", path, body),
  delete: (path) => call("DELETE", path),
  upload,

  /** Every row of a paged list, up to `most`. */
  async all(path, most = 5000) {
    const found = [];
    let next = path;
    while (next && found.length < most) {
      const answer = await call("GET", next);
      found.push(...rows(answer));
      next = answer.next
        ? new URL(answer.next, location.origin).pathname + new URL(answer.next, location.origin).search
        : null;
    }
    return found;
  },
};
