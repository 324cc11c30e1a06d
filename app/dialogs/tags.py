"""Tags: of one device in its form, of several at once in a form of their own. Counterpart: `commands.tag_devices`.

One rule: what exists is offered before something new is made, so that there is one spelling of each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from PySide6.QtWidgets import QWidget

from app.commands import Commands
from app.dialogs.chips import Chips, Offer, order_keys
from app.dialogs.form import Form
from app.look import Look
from app.panels.picker import matches
from app.panels.text import Label
from app.watching import tags_of
from app.words import count_of
from domain.inventory import Device, Inventory
from domain.text import clean_text
from domain.watch_rules import LABEL_CAP


class TagField(Chips):
    """The tags that are chosen, and a list of those there are; what is typed and is none becomes one."""

    def __init__(self, inventory: Inventory, look: Look, tags: Iterable[str] = ()) -> None:
        self._known = tags_of(inventory)
        super().__init__(look, "Add a tag…", "Search tags, or type a new one", self._offers, "None")
        self.choose((tag, tag) for tag in tags)

    def tags(self) -> tuple[str, ...]:
        """Return what is chosen."""
        return tuple(str(key) for key in self.keys)

    def _offers(self, text: str) -> Iterator[Offer]:
        for tag in self._known:
            if matches(text, tag):
                yield Offer(tag, "", tag, tag)
        new = clean_text(self.typed, LABEL_CAP)
        if new and new.casefold() not in {tag.casefold() for tag in (*self._known, *self.tags())}:
            yield Offer(new, "", f"New tag “{new}”", new)


class TagForm(Form):
    """Tags of several devices: what all have, what some have, what is added and taken away."""

    def __init__(
        self, inventory: Inventory, commands: Commands, look: Look, devices: Sequence[Device], parent: QWidget
    ) -> None:
        what = count_of(len(devices), "device", "devices") if len(devices) != 1 else devices[0].name
        super().__init__(f"Tags of {what}", "Save", parent)
        self._commands = commands
        self._ids = [device.id for device in devices]
        counts = Counter(tag for device in devices for tag in device.tags)
        self._of_some = {tag for tag, count in counts.items() if count < len(devices)}
        self._at_first = frozenset(counts)
        self.tags = TagField(inventory, look)
        self.tags.choose((tag, self._said(tag, counts[tag])) for tag in sorted(counts, key=str.casefold))
        self.tags.changed.connect(self.fit_soon)
        self.tags.arranged.connect(self._order_keys)
        said = "A tag with numbers is of some of them; it stays so unless it is taken away here."
        self.body.addWidget(Label(said if self._of_some else "", "small", wrap=True))
        self.body.addWidget(self.fields.add("tags", "Tags", self.tags))
        self.tags.changed.connect(self.fields.by_name["tags"].accept)
        self.body.addStretch(1)
        self._order_keys()
        self.tags.setFocus()

    def submit(self) -> None:
        """Change the tags; the form closes when the engine has taken it."""
        if not self.submit_button.isEnabled():
            return
        self.begin()
        chosen = self.tags.tags()
        untouched = self._of_some.intersection(
            tag for tag, said in self.tags.chosen if tag in self._of_some and said != tag
        )
        added = [tag for tag in chosen if tag not in untouched]
        self._commands.tag_devices(self._ids, added, self._at_first.difference(chosen), self.on_answer)

    def _order_keys(self) -> None:
        order_keys((*self.tags.keyed, self.cancel_button, self.submit_button))

    def _said(self, tag: str, count: int) -> str:
        return f"{tag} ({count:,} of {len(self._ids):,})" if tag in self._of_some else tag
