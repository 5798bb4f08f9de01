// The token that lets this page talk to the backend. It comes in the address's fragment, which browsers send to nobody, and is
// kept for this origin so that a reload or a copied link works without it.

const KEY = "switchyard.token";

/** Takes the token out of the address; otherwise the one kept from before, or "". */
export function takeToken(location: Location, history: History, storage: Storage): string {
  const given = new URLSearchParams(location.hash.replace(/^#/, "")).get("token");
  if (!given) return storage.getItem(KEY) ?? "";
  storage.setItem(KEY, given);
  history.replaceState(history.state, "", location.pathname + location.search);
  return given;
}
