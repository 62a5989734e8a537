// The control API of the simulator, and its event stream.

export class ApiError extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function call(method, path, body) {
  const request = { method, headers: { accept: "application/json" } };
  if (body !== undefined) {
    request.headers["content-type"] = "application/json";
    request.body = JSON.stringify(body);
  }
  const response = await fetch(path, request).catch(() => {
    throw new ApiError(0, "Unreachable", "The simulator does not answer. Is it still running?");
  });
  return read(response);
}

async function read(response) {
  const text = await response.text();
  const body = parse(text);
  if (response.ok) return body;
  const error = body?.error ?? {};
  throw new ApiError(response.status, error.code ?? String(response.status), error.message ?? (text.slice(0, 200) || response.statusText));
}

function parse(text) {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return null;
  }
}

const seg = encodeURIComponent;

export const getState = () => call("GET", "/api/state");
export const getMessages = (conversation) => call("GET", `/api/conversations/${seg(conversation)}/messages`);
export const postMessage = (conversation, message) => call("POST", `/api/conversations/${seg(conversation)}/messages`, message);
export const openChat = (user) => call("POST", "/api/chats", { user });
export const click = (conversation, activity, body) =>
  call("POST", `/api/conversations/${seg(conversation)}/messages/${seg(activity)}/click`, body);
export const getScenarios = () => call("GET", "/api/scenarios");
export const startScenario = (id) => call("POST", `/api/scenarios/${seg(id)}/start`);
export const playStep = (id, step) => call("POST", `/api/scenarios/${seg(id)}/steps/${seg(step)}`);
export const moveClock = (wanted) => call("POST", "/api/clock", wanted);
export const getRequests = (since) => call("GET", `/api/requests?since=${since}`);
export const getFaults = () => call("GET", "/api/faults");
export const addFault = (fault) => call("POST", "/api/faults", fault);
export const clearFaults = () => call("DELETE", "/api/faults");

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

/** Listens for events and reconnects by itself; `onState` hears "live", "waiting" or "connecting". */
export function listen({ onEvent, onOpen, onState }) {
  let wait = FIRST_WAIT;
  const connect = () => {
    onState("connecting");
    const source = new EventSource("/api/events");
    source.onopen = () => {
      wait = FIRST_WAIT;
      onState("live");
      onOpen();
    };
    source.onmessage = (event) => onEvent(parse(event.data) ?? {});
    source.onerror = () => {
      source.close();
      onState("waiting", wait);
      setTimeout(connect, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT);
    };
  };
  connect();
}
