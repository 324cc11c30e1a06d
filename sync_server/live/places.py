"""Who holds a place among the connections of a tenant and of this server. Counterparts: `greeting.py` takes one for whoever is
admitted; `hub.py`, which has them for all sockets.

One rule: a place is taken in the moment in which it is seen to be free, and held until the connection is over: of a thousand who
greet at once as many come in as there are places.
"""

from __future__ import annotations

from collections import Counter
from uuid import UUID


class Places:
    """At most `of_all`, and `of_tenant` of one tenant."""

    def __init__(self, of_all: int, of_tenant: int) -> None:
        self._of_all, self._of_tenant = of_all, of_tenant
        self.taken: Counter[UUID] = Counter()
        """How many each tenant has; none is not in it."""

    def take(self, tenant: UUID) -> bool:
        """Take a place, which is to be given back; return whether there was one."""
        if self.taken[tenant] >= self._of_tenant or self.taken.total() >= self._of_all:
            return False
        self.taken[tenant] += 1
        return True

    def give_back(self, tenant: UUID) -> None:
        """Be one fewer."""
        self.taken[tenant] -= 1
        if not self.taken[tenant]:
            del self.taken[tenant]
