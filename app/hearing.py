"""Who hears what the panels and the map say. Counterpart: `window.py`, which has them, and does what is wanted.

One rule: one line each; what takes more is a method of the window or of what it holds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.window import Window


def hear_panels(window: Window) -> None:
    """Let the window do what its panels and its map want."""
    window.top.search_wanted.connect(window.open_palette)
    window.top.statuses_chosen.connect(window.tree.set_statuses)
    window.top.theme_wanted.connect(window.actions_by_name["theme"].trigger)
    window.top.help_wanted.connect(window.open_help)
    window.top.settings_wanted.connect(window.open_settings)
    window.settings.device_wanted.connect(lambda address: window.forms.add_device(address=address))
    window.tree.add_wanted.connect(window.add_device)
    window.alerts.chosen.connect(lambda id: window.select(id, fly=True))
    window.alerts.acknowledged.connect(window.commands.acknowledge)
    window.desk.subject_wanted.connect(lambda id: window.select(id, fly=True))
    window.counters.clicked.connect(
        lambda: window.topology.with_alerts(lambda: window.alerts.show_tab("unacknowledged"))
    )
    for panel in (window.device, window.link, window.places.panel):
        panel.closed.connect(lambda: window.select(None))
        panel.acknowledged.connect(window.commands.acknowledge)
        panel.edit_wanted.connect(window.edit)
    for panel in (window.device, window.link):
        panel.menu_wanted.connect(window.open_menu)
    for strip in (window.device.body.overview.photos, window.places.panel.photos):
        window.photos.serve(strip)
    window.device.trust_asked.connect(window.settings.open_trust)
    window.device.ways.wanted.connect(window.tunnels.open)
    window.device.ways.used.connect(window.tunnels.use)
    window.device.ways.copied.connect(window.tunnels.copy)
    window.device.ways.ended.connect(window.tunnels.close)
    window.device.ways.shared.connect(window.tunnels.share)
    window.device.ways.joined.connect(window.tunnels.join)
    window.device.ways.taken.connect(window.tunnels.take_over)
    window.device.device_chosen.connect(lambda id: window.select(id, fly=True))
    window.device.probe_wanted.connect(window.commands.probe_now)
    window.device.body.port_watched.connect(window.commands.watch_port)
    window.link.device_chosen.connect(window.select)
    window.link.choice_made.connect(window.topology.settle)
    window.topology.connect_to(window.tree.tray, window)
    window.past.connect_to(window)
    window.topology.board_toggled.connect(window.alerts.setHidden)
    window.first_card.more_wanted.connect(window.add_device)
    window.first_card.demo_wanted.connect(window.demo_wanted)
    window.map.device_clicked.connect(window.select)
    window.map.link_clicked.connect(window.select)
    window.map.background_clicked.connect(lambda: window.select(None))
    window.map.device_dropped.connect(window.commands.move_device)
    window.tree.sifted.connect(window.map.sieve.show)
    window.map.tools.filter_left.connect(window.show_all)
    window.map.place_requested.connect(window.add_device)
    window.map.page_died.connect(lambda why: window.toasts.say("The map stopped and was loaded again"))
