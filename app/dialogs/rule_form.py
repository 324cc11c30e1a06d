"""The form of one alert rule. Counterpart: `domain/watching.AlertRule`; the engine's refusals come back to its fields.

Theory: the kind comes first, and only what that kind has is asked for; below stands the rule as one sentence and how much it
would look at, both as of what is typed. One rule: what is hidden is not in the rule.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QWidget

from app.charts.choice import choice_of
from app.commands import Then
from app.dialogs.chips import order_keys
from app.dialogs.form import Form, two_columns
from app.dialogs.number_fields import NumberLine, SpanLine
from app.dialogs.scope_field import ScopeField
from app.look import Look
from app.model import Delta, Model
from app.panels.finder import Entry
from app.panels.picker import Picker, grouped, matches
from app.panels.text import Label, button, caption
from app.panels.text_box import TextBox
from app.watching import (
    KINDS,
    SEVERITY_ICONS,
    SEVERITY_WORDS,
    default_of,
    matched_words,
    metric_title,
    op_words,
    rule_sentence,
    rule_words,
    shown_unit,
    threshold_unit,
    way_of,
)
from domain.errors import Refusal
from domain.inventory import PUSHED
from domain.metrics import CATALOGUE
from domain.watching import METRIC_KINDS, RULE_KINDS, AlertRule, Comparison, RuleKind, Scope, Severity

WIDTH_PX = 560
NAME_CHARS = 400
NOTE_PX = 52
NOTE_SENT_CAP = 40_000
FIRST_METRIC = "cpu_load_pct"
Submit = Callable[[AlertRule, Then], None]


class RuleForm(Form):
    """What is looked at, when it is too much, for how long, how bad it is, where."""

    def __init__(
        self, model: Model, look: Look, rule: AlertRule, submit: Submit, *, is_new: bool, parent: QWidget
    ) -> None:
        title = "Add an alert rule" if is_new else "Change an alert rule"
        super().__init__(title, "Add" if is_new else "Save", parent, width_px=WIDTH_PX)
        self._model, self._look, self._old, self._submit = model, look, rule, submit
        self._metric = rule.metric if rule.metric in CATALOGUE else FIRST_METRIC
        self.kind = QComboBox()
        self.kind.setMaxVisibleItems(len(RULE_KINDS))
        for kind in RULE_KINDS:
            self.kind.addItem(KINDS[kind].title, kind)
        self.kind.setCurrentIndex(self.kind.findData(rule.kind))
        self.kind.setEnabled(default_of(rule.id) is None)
        self.measured = button("")
        self.measured.setProperty("kind", "choice")
        self.measured.setAutoDefault(False)
        self.measured.clicked.connect(self.open_metrics)
        self.op = QComboBox()
        began = is_new and rule.kind in METRIC_KINDS and not rule.threshold
        self.threshold = NumberLine("Threshold", None if began else rule.threshold)
        self.clear_at = NumberLine("Over again at", rule.clear_at, hint="The same")
        self.for_s = SpanLine("For at least", rule.for_s)
        self.severity = QComboBox()
        self.severity.setIconSize(QSize(16, 16))
        for severity, words in SEVERITY_WORDS.items():
            self.severity.addItem(severity_icon(look, severity), words, severity)
        self.severity.setCurrentIndex(self.severity.findData(rule.severity))
        self.scope = ScopeField(model, look, rule.scope)
        self.name = QLineEdit(rule.name)
        self.name.setMaxLength(NAME_CHARS)
        self.note = TextBox(rule.note)
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(NOTE_PX)
        self._note_at_first = self.note.toPlainText()
        self.is_on = QCheckBox("Switched on")
        self.is_on.setChecked(rule.is_on)
        self.sentence = Label("", "quiet", wrap=True)
        self.sentence.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.sentence.setMinimumHeight(2 * self.sentence.fontMetrics().lineSpacing())
        self._lay_out()
        self._connect()
        self._on_kind()
        (
            self.kind
            if self.kind.isEnabled()
            else self.threshold
            if self.threshold.isVisibleTo(self)
            else self.for_s
        ).setFocus()

    @property
    def _kind(self) -> RuleKind:
        kind: RuleKind = self.kind.currentData()
        return kind

    def open_metrics(self) -> Picker:
        """Open the catalogue, to search in."""

        def offer(text: str) -> list[Entry]:
            rows = []
            for metric in CATALOGUE.values():
                group = choice_of(metric.name, "").group
                title, unit = metric_title(metric), shown_unit(metric)[0]
                if matches(text, title, unit, group, metric.name):
                    take = lambda name=metric.name: self.choose_metric(name)  # noqa: E731
                    rows.append((group, Entry(title, take, unit, current=metric.name == self._metric)))
            rows.sort(key=lambda row: (row[0] == "More", row[0]))
            return grouped(rows)

        picker = Picker(self._look, offer, "Search what is measured", self)
        picker.drop_under(self.measured)
        return picker

    def choose_metric(self, name: str) -> None:
        """Look at this metric."""
        self._metric = name
        self.fields.by_name["metric"].accept()
        self._on_metric()
        self.measured.setFocus()

    def draft(self, bad: list[Refusal]) -> AlertRule:
        """Return what was typed; what cannot be read or is missing is added to `bad`."""
        kind = self._kind
        words, is_metric = KINDS[kind], kind in METRIC_KINDS
        asks_number = words.unit != ""
        threshold = self.threshold.value("threshold", bad) if asks_number else 0.0
        if asks_number and kind != "change" and self.threshold.is_empty():
            bad.append(Refusal("MISSING_REQUIRED_FIELD", "a number is needed", "threshold"))
        clear_at = self.clear_at.value("clear_at", bad) if self._has_clear() else None
        return msgspec.structs.replace(
            self._old,
            kind=kind,
            metric=self._metric if is_metric else "",
            op=self._op(),
            threshold=threshold or 0.0,
            clear_at=clear_at,
            for_s=self.for_s.seconds("for_s", bad) if words.has_for else 0.0,
            severity=self.severity.currentData(),
            scope=self.scope.scope() if words.has_scope else Scope(),
            is_on=self.is_on.isChecked(),
            note=self._note(),
        )

    def named(self, rule: AlertRule) -> AlertRule:
        """Return a rule with the name that was typed, else with what it looks at."""
        return msgspec.structs.replace(rule, name=self.name.text().strip() or self.suggested(rule))

    @staticmethod
    def suggested(rule: AlertRule) -> str:
        """Return what a rule is called where nobody gives it a name."""
        return rule_words(msgspec.structs.replace(rule, for_s=0.0, clear_at=None))[:NAME_CHARS]

    def submit(self) -> None:
        """Send what was typed; the form closes when the engine has taken it."""
        if not self.submit_button.isEnabled():
            return
        self.fields.clear()
        bad: list[Refusal] = []
        rule = self.draft(bad)
        if bad:
            self.refuse(bad)
            return
        self.begin()
        self._submit(self.named(rule), self.on_answer)

    def _op(self) -> Comparison:
        if KINDS[self._kind].ops:
            op: Comparison = self.op.currentData()
            same = self._kind == self._old.kind and self._kind != "threshold" and op == way_of(self._old.op)
            return self._old.op if same else op
        if self._kind == self._old.kind:
            return self._old.op
        return "gte" if KINDS[self._kind].unit != "" else "gt"

    def _has_clear(self) -> bool:
        return self._kind == "threshold" and self.op.currentData() not in ("eq", "ne")

    def _note(self) -> str:
        typed = self.note.toPlainText()
        return self._old.note if typed == self._note_at_first else typed.strip()[:NOTE_SENT_CAP]

    def _on_kind(self) -> None:
        kind = self._kind
        words, fields = KINDS[kind], self.fields.by_name
        chosen = self.op.currentData() or self._old.op
        self.op.blockSignals(True)
        self.op.clear()
        for op in words.ops:
            self.op.addItem(op_words(kind, op), op)
        fitting = (self.op.findData(chosen), self.op.findData(way_of(chosen)), 0)
        self.op.setCurrentIndex(next(place for place in fitting if place >= 0))
        self.op.blockSignals(False)
        fields["metric"].setVisible(kind in METRIC_KINDS)
        self.threshold.line.setPlaceholderText("However little" if kind == "change" else "")
        fields["scope"].setVisible(words.has_scope)
        self.scope.show_ports(words.has_ports)
        self._arrange()
        self._on_metric()

    def _on_metric(self) -> None:
        metric = CATALOGUE[self._metric]
        unit = shown_unit(metric)[0]
        self.measured.setText(caption(f"{metric_title(metric)}, {unit}" if unit else metric_title(metric)))
        self.scope.call_ports("number" if self._metric == PUSHED else "port")
        shown, factor = threshold_unit(self._kind, metric)
        for line in (self.threshold, self.clear_at):
            line.set_unit(shown, factor)
        self._on_typed()

    def _arrange(self) -> None:
        """Show what this kind has, two in a row."""
        words = KINDS[self._kind]
        shown = {
            "op": bool(words.ops),
            "threshold": words.unit != "",
            "clear_at": self._has_clear(),
            "for_s": words.has_for,
            "severity": True,
            "name": True,
        }
        place = 0
        for name, is_shown in shown.items():
            field = self.fields.by_name[name]
            field.setVisible(is_shown)
            if is_shown:
                self._grid.addWidget(field, place // 2, place % 2)
                place += 1
        self._order_keys()

    def _order_keys(self) -> None:
        numbers = (self.op, self.threshold.line, self.clear_at.line, self.for_s.line, self.for_s.unit)
        rest = (self.severity, self.name, *self.scope.keyed, self.note, self.is_on)
        order_keys((self.kind, self.measured, *numbers, *rest))

    def _on_op(self) -> None:
        self._arrange()
        self._on_typed()

    def _on_typed(self) -> None:
        bad: list[Refusal] = []
        rule = self.draft(bad)
        inventory = self._model.inventory
        said = "" if bad else f"{rule_sentence(inventory, rule)} {matched_words(inventory, rule)}"
        self.sentence.setText(said)
        self.name.setPlaceholderText("" if bad else self.suggested(rule))
        self.fit_soon()

    def _on_model(self, delta: Delta) -> None:
        if delta.inventory:
            self._on_typed()

    def _connect(self) -> None:
        fields = self.fields.by_name
        self.kind.currentIndexChanged.connect(self._on_kind)
        self.op.currentIndexChanged.connect(self._on_op)
        self.severity.currentIndexChanged.connect(self._on_typed)
        for name, input in (
            ("threshold", self.threshold),
            ("clear_at", self.clear_at),
            ("for_s", self.for_s),
            ("scope", self.scope),
        ):
            input.changed.connect(fields[name].accept)
            input.changed.connect(self._on_typed)
        self.op.currentIndexChanged.connect(fields["clear_at"].accept)
        self.scope.chips.arranged.connect(self._order_keys)
        self._model.changed.connect(self._on_model)

    def _lay_out(self) -> None:
        add = self.fields.add
        self.body.addWidget(self.sentence)
        self.body.addWidget(add("kind", "Alert when", self.kind))
        self.body.addWidget(add("metric", "What is measured", self.measured))
        self._grid = two_columns()
        for name, label, input in (
            ("op", "It is", self.op),
            ("threshold", "Threshold", self.threshold),
            ("clear_at", "Over again at", self.clear_at),
            ("for_s", "For at least", self.for_s),
            ("severity", "How bad it is", self.severity),
            ("name", "Name", self.name),
        ):
            add(name, label, input)
        self.body.addLayout(self._grid)
        self.body.addWidget(add("scope", "Where", self.scope))
        self.body.addWidget(add("note", "Note", self.note))
        self.body.addWidget(self.is_on)
        self.body.addStretch(1)


def severity_icon(look: Look, severity: Severity) -> QIcon:
    """Return the icon of a severity, the same in a chosen row."""
    name, status = SEVERITY_ICONS[severity]
    pixmap = look.pixmap(name, look.theme.status_text[status])
    icon = QIcon(pixmap)
    icon.addPixmap(pixmap, QIcon.Mode.Selected)
    return icon
