// @ts-check
/**
 * The session of this browser: the token that each change carries, and new tokens for old. Counterpart: api/access.py.
 * One rule: one page at a time takes new tokens: the same refresh token twice would end the session.
 */

const CSRF_COOKIE = "heliograph_csrf";
const REFRESH = "/api/v1/auth/refresh";

/** What proves that a change comes from a page of ours. */
export const csrf = () => ({ "X-CSRF-Token": cookie(CSRF_COOKIE) });

/** @param {string} name */
function cookie(name) {
  const found = document.cookie.split("; ").find((part) => part.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

/** Take new tokens. @returns {Promise<boolean>} whether the session lives */
export async function renew() {
  const ask = async () => {
    const headers = { "Content-Type": "application/json" };
    return (await fetch(REFRESH, { method: "POST", body: "{}", headers })).ok;
  };
  return navigator.locks ? navigator.locks.request("heliograph-refresh", ask) : ask();
}
