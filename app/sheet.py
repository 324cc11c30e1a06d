"""The style sheet of every stock widget, made from the tokens. Counterpart: `look.py`; what is painted by hand is in the panels.

One rule: widgets are addressed by their `kind` property or object name, never by where they happen to stand.
"""

from __future__ import annotations

from string import Template

from app.look import HEAD_PX, TABLE_PX, IconFiles, Theme, blend

_SHEET = Template("""
* { color: $text; outline: none; }
QAbstractScrollArea { background: transparent; border: none; }
QMainWindow { background: $ground; }
QDialog { background: $panel; }
QWidget#central { background: $line; }
QWidget[kind="panel"] { background: $panel; }
QWidget[kind="ground"] { background: $ground; }
QLabel { background: transparent; }
QLabel[kind="quiet"] { color: $quiet; }
QLabel[kind="faint"] { color: $faint; }
QLabel[kind="head"] { font-weight: 600; }
QLabel[kind="small"] { color: $quiet; font-size: ${table}px; }
QLabel[kind="name"] { font-size: 20px; font-weight: 600; }
QLabel[kind="title"] { font-size: 18px; font-weight: 600; }
QLabel[kind="refusal"] { color: $down_text; font-size: ${table}px; }
QLabel[kind="field"] { color: $quiet; font-size: ${table}px; }
QLabel[kind="key"] { color: $quiet; background: $raised; border: 1px solid $line; border-radius: 4px;
    padding: 1px 5px; font-size: ${head}px; }
QFrame[kind="line"] { background: $line; border: none; max-height: 1px; min-height: 1px; }
QFrame[kind="upright"] { background: $line; border: none; max-width: 1px; min-width: 1px; }
QFrame[kind="card"] { background: $panel; border: 1px solid $line; border-radius: 10px; }
QFrame[kind="toast"] { background: $raised; border: 1px solid $line; border-radius: 8px; }
QFrame[kind="reason"] { background: $raised; border-radius: 6px; }
QFrame[kind="reason"][bad="true"] { background: $down_ground; }
QFrame[kind="banner"] { background: $raised; border-bottom: 1px solid $line; }
QFrame[kind="banner"][bad="true"] { background: $down_ground; }

QLineEdit, QSpinBox, QComboBox, QPlainTextEdit {
    background: $field; border: 1px solid $line; border-radius: 6px; padding: 0 8px; min-height: 26px;
    selection-background-color: $accent; selection-color: $accent_ink; }
QPlainTextEdit { padding: 3px 5px; }
QLineEdit:focus, QSpinBox:focus, QComboBox:focus, QComboBox:on, QPlainTextEdit:focus { border: 1px solid $accent; }
QLineEdit[refused="true"], QComboBox[refused="true"],
QPlainTextEdit[refused="true"] { border: 1px solid $down; }
QLineEdit:disabled, QComboBox:disabled { color: $faint; background: $panel; }
QLineEdit[kind="search"] { background: $raised; border: 1px solid transparent; }
QLineEdit[kind="search"]:focus { border: 1px solid $accent; }
QLineEdit[kind="palette"] { background: transparent; border: none; font-size: 16px; min-height: 40px; padding: 0 4px; }
QLineEdit > QToolButton { background: transparent; border: none; padding: 0; min-height: 0; }
QComboBox QLineEdit { border: none; background: transparent; padding: 0; min-height: 0; }
QSpinBox { padding: 0; }
QSpinBox QLineEdit { border: none; background: transparent; padding: 0; min-height: 0; }
QSpinBox::up-button, QSpinBox::down-button { width: 0; border: none; }
QComboBox { padding: 0 8px 0 10px; }
QComboBox[editable="true"] { padding: 0 8px 0 8px; }
QComboBox::drop-down { border: none; width: 24px; }
QComboBox::down-arrow { image: url($chevron); width: 14px; height: 14px; }
QComboBox QAbstractItemView { background: $raised; border: 1px solid $line; border-radius: 6px; padding: 4px;
    selection-background-color: $accent_ground; selection-color: $text; }
QCheckBox { spacing: 8px; background: transparent; }
QCheckBox::indicator, QTableView::indicator { width: 14px; height: 14px; border: 1px solid $faint; border-radius: 4px;
    background: $field; }
QCheckBox::indicator:checked, QTableView::indicator:checked { background: $accent; border-color: $accent; image: url($check); }
QCheckBox::indicator:focus { border-color: $accent; }
QRadioButton { spacing: 8px; background: transparent; }
QRadioButton::indicator { width: 12px; height: 12px; border: 1px solid $faint; border-radius: 7px; background: $field; }
QRadioButton::indicator:checked { background: $accent; border: 1px solid $accent; }
QRadioButton::indicator:focus { border-color: $text; }

QPushButton, QToolButton { background: $raised; border: 1px solid transparent; border-radius: 6px; padding: 0 12px;
    min-height: 26px; font-weight: 500; }
QPushButton:hover, QToolButton:hover { background: $hover; }
QPushButton:focus, QToolButton:focus { border: 1px solid $accent; }
QPushButton:disabled { color: $faint; }
QPushButton[kind="primary"] { background: $accent; color: $accent_ink; font-weight: 600; }
QPushButton[kind="primary"]:hover { background: $accent_hover; }
QPushButton[kind="primary"]:focus { border: 1px solid $text; }
QPushButton[kind="primary"]:disabled { background: $raised; color: $faint; }
QPushButton[kind="danger"] { background: $danger; color: #FFFFFF; font-weight: 600; }
QPushButton[kind="danger"]:focus { border: 1px solid $text; }
QPushButton[kind="link"] { background: transparent; color: $accent; padding: 0 4px; border: 1px solid transparent; }
QPushButton[kind="link"]:hover { text-decoration: underline; }
QPushButton[kind="link"]:disabled { color: $faint; }
QToolButton[kind="bare"] { background: transparent; padding: 0; min-width: 26px; max-width: 26px; min-height: 26px;
    max-height: 26px; }
QToolButton[kind="bare"]:hover { background: $hover; }
QToolButton[kind="go"] { background: $accent; padding: 0; min-width: 34px; max-width: 34px; min-height: 26px;
    max-height: 26px; }
QToolButton[kind="go"]:hover { background: $accent_hover; }
QToolButton[kind="go"]:focus { border: 1px solid $text; }
QToolButton[kind="cross"] { background: transparent; padding: 0; min-width: 18px; max-width: 18px; min-height: 18px;
    max-height: 18px; border-radius: 9px; }
QToolButton[kind="cross"]:hover { background: $hover; }
QToolButton[kind="cross"]:focus { border: 1px solid $accent; }
QFrame[kind="pill"] { background: $raised; border: 1px solid $line; border-radius: 13px; }
QPushButton[kind="choice"] { background: $field; border: 1px solid $line; text-align: left; font-weight: 400;
    padding: 5px 10px; min-height: 16px;
    image: url($chevron); image-position: right; }
QPushButton[kind="choice"]:focus { border: 1px solid $accent; }
QPushButton[refused="true"] { border: 1px solid $down; }
QToolButton::menu-indicator { image: none; }
QPushButton[kind="chip"] { background: transparent; padding: 0 8px; font-weight: 400; min-height: 26px; }
QPushButton[kind="chip"]:hover { background: $raised; }
QPushButton[kind="chip"]:checked { background: $accent_ground; }
QPushButton[kind="segment"] { background: transparent; color: $quiet; padding: 0 10px; font-weight: 400; min-height: 24px; }
QPushButton[kind="segment"]:hover { color: $text; }
QPushButton[kind="segment"]:checked { background: $segment; color: $text; font-weight: 500; }
QPushButton[kind="segment"][small="true"] { padding: 0 6px; min-height: 18px; font-size: ${head}px; }
QFrame[kind="segments"] { background: $well; border-radius: 8px; }
QPushButton[kind="tab"] { background: transparent; color: $quiet; border: none; border-bottom: 2px solid transparent;
    border-radius: 0; padding: 0 0 6px 0; font-weight: 400; min-height: 24px; }
QPushButton[kind="tab"]:hover { color: $text; }
QPushButton[kind="tab"]:checked { color: $text; font-weight: 600; border-bottom: 2px solid $accent; }

QScrollArea > QWidget > QWidget { background: transparent; }
QTreeView, QTableView, QListView { background: transparent; border: none; selection-background-color: $accent_ground;
    selection-color: $text; font-size: ${table}px; }
QTableView { gridline-color: transparent; }
QTableWidget::item { padding: 0 8px; border: none; }
QTableWidget::item:selected { background: $accent_ground; color: $text; }
QHeaderView { background: transparent; border: none; }
QHeaderView::section { background: transparent; color: $quiet; border: none; padding: 0 8px; font-size: ${head}px;
    font-weight: 400; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: $thumb; border-radius: 3px; margin: 2px; min-height: 32px; min-width: 32px; }
QScrollBar::handle:hover { background: $faint; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QProgressBar[kind="thin"] { background: $raised; border: none; border-radius: 2px; }
QProgressBar[kind="thin"]::chunk { background: $accent; border-radius: 2px; }
QSplitter::handle { background: $line; }
QSplitter::handle:hover { background: $accent; }
QToolTip { background: $raised; color: $text; border: 1px solid $line; padding: 4px 8px; font-size: ${table}px; }
QMenu { background: $raised; border: 1px solid $line; border-radius: 8px; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: $accent_ground; }
QMenu::item:disabled { color: $faint; }
QMenu::separator { height: 1px; background: $line; margin: 4px 8px; }
""")


def sheet(theme: Theme, files: IconFiles) -> str:
    """Return the whole style sheet of a theme."""
    surface, text, accent = theme.surface, theme.text, theme.accent
    return _SHEET.substitute(
        table=TABLE_PX,
        head=HEAD_PX,
        ground=surface.ground,
        panel=surface.panel,
        raised=surface.raised,
        hover=surface.hover,
        line=surface.line,
        text=text.text,
        quiet=text.quiet,
        faint=text.faint,
        accent=accent.accent,
        accent_ink=accent.ink,
        accent_ground=accent.ground,
        accent_hover=blend("#FFFFFF", accent.accent, 0.12),
        field=surface.ground if surface.panel != "#FFFFFF" else "#FFFFFF",
        down=theme.status["down"],
        down_text=theme.status_text["down"],
        down_ground=theme.down_ground,
        danger=blend("#000000", theme.status["down"], 0.18),
        segment=surface.raised if surface.panel != "#FFFFFF" else surface.panel,
        well=surface.ground if surface.panel != "#FFFFFF" else surface.raised,
        thumb=surface.line,
        chevron=files.path("chevron-down", text.quiet),
        check=files.path("check", accent.ink),
    )
