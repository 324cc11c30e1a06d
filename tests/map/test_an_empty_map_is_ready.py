"""A map without a network has what links will need, and shows nothing of it."""

from __future__ import annotations

from collections.abc import Callable

from tests.map.conftest import Stage
from tests.map.networks import small

COUNT = """
globalThis.linked = 0;
const link = WebGL2RenderingContext.prototype.linkProgram;
WebGL2RenderingContext.prototype.linkProgram = function (program) { linked++; return link.call(this, program); };
1
"""


def test_the_first_network_waits_for_few_shader_programs_and_before_it_nothing_is_seen(
    stages: Callable[..., Stage],
) -> None:
    stage = stages(None)
    seen = stage.stand_still()
    assert seen["rendered_devices"] == seen["rendered_links"] == 0
    stage.js(COUNT)
    stage.tell(small())
    stage.until(lambda: stage.stand_still()["rendered_links"] == 3)
    assert 0 < stage.js("linked") <= 5, "those of names; it would be 10"
