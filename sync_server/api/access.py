"""Who asks, by header or cookie, and whether a page that sends a cookie is ours. Counterpart: `security/admission.py`.

Theory: programs send `Authorization: Bearer` or `X-API-Key`; browsers send a cookie that no script can read, and with each change
the session's CSRF token, which no foreign page can read. Cookies go to our own origin only (SameSite=Strict), and a change that
comes from another Origin is refused besides.
One rule: a header wins over the cookie, and a header that is wrong is refused without looking at the cookie.
"""

from __future__ import annotations

import hmac

from starlette.requests import Request
from starlette.responses import Response

from domain.text import clean_text
from sync_server.api.errors import refused, request_id_of
from sync_server.security.limits import LimitClass
from sync_server.security.principal import Origin, Principal
from sync_server.security.sessions import Opened
from sync_server.security.tokens import ACCESS_S, TokenInvalid
from sync_server.services import Services

ACCESS_COOKIE, REFRESH_COOKIE, CSRF_COOKIE = "heliograph_access", "heliograph_refresh", "heliograph_csrf"
MAP_COOKIE = "heliograph_map"
MAP_PATH = "/admin/map/page"
CSRF_HEADER = "X-CSRF-Token"
REFRESH_PATH = "/api/v1/auth"
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
AGENT_CAP = 256


def origin_of(request: Request) -> Origin:
    """Return where a request came from."""
    address = request.client.host if request.client is not None else ""
    agent = clean_text(request.headers.get("user-agent", ""), AGENT_CAP)
    return Origin(address, agent, request_id_of(request))


async def principal_of(
    request: Request, services: Services, limit: LimitClass, *, may_assume: bool = False
) -> Principal:
    """Return who asks; `may_assume` as for `Admission.admit`.

    Raises TokenInvalid, TokenExpired, LimitExceeded, RefusedByRule (CSRF_REFUSED).
    """
    origin = origin_of(request)
    if (authorization := request.headers.get("authorization")) is not None:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise TokenInvalid("another scheme than Bearer")
        return await services.admission.admit(token.strip(), origin, limit, may_assume=may_assume)
    if (key := request.headers.get("x-api-key")) is not None:
        return await services.admission.admit(key, origin, limit, may_assume=may_assume)
    if (cookie := request.cookies.get(ACCESS_COOKIE)) is None:
        raise TokenInvalid("no token")
    if request.method not in SAFE:
        refuse_foreign_page(request, services)
    who = await services.admission.admit(cookie, origin, limit, may_assume=may_assume)
    if request.method not in SAFE:
        check_csrf(request, services, who)
    return who


def refuse_foreign_page(request: Request, services: Services) -> None:
    """Refuse what a page of another origin sent. Raises RefusedByRule."""
    said = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    if (said is not None and said != services.settings.public_url) or site not in ("same-origin", "none"):
        raise refused("CSRF_REFUSED", "this was sent by a page of another site")


def check_csrf(request: Request, services: Services, who: Principal) -> None:
    """Refuse a change that does not carry the session's CSRF token. Raises RefusedByRule."""
    given = request.headers.get(CSRF_HEADER, "")
    expected = services.sessions.csrf_of(who.session) if who.session is not None else ""
    if not expected or not hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode()):
        raise refused("CSRF_REFUSED", f"the session's token is missing in {CSRF_HEADER}: load the page again")


def set_cookies(response: Response, services: Services, opened: Opened) -> None:
    """Give a browser its session."""
    secure = services.settings.public_url.startswith("https://")
    life_s = services.settings.session_h * 3600

    def put(name: str, value: str, path: str, age_s: int, hidden: bool) -> None:
        response.set_cookie(
            name, value, max_age=age_s, path=path, secure=secure, httponly=hidden, samesite="strict"
        )

    put(ACCESS_COOKIE, opened.access_token, "/", ACCESS_S, True)
    if opened.refresh_token:
        put(REFRESH_COOKIE, opened.refresh_token, REFRESH_PATH, life_s, True)
    put(CSRF_COOKIE, opened.csrf_token, "/", life_s, False)


def drop_cookies(response: Response) -> None:
    """Take a browser its session."""
    paths = ((ACCESS_COOKIE, "/"), (REFRESH_COOKIE, REFRESH_PATH), (CSRF_COOKIE, "/"), (MAP_COOKIE, MAP_PATH))
    for name, path in paths:
        response.delete_cookie(name, path=path)
