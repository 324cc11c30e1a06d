"""Who may hold a secret, as a person chooses it: suggested with a reason, changed later on, and what to change on routers."""

from __future__ import annotations

import msgspec

from app.dialogs.credential_form import CredentialForm
from app.dialogs.credentials import Credentials
from app.team.audience import NO_COLLECTOR, AudienceForm, audience_words
from domain.errors import Refusal
from domain.sharing import Audience, Lost, Member, QuerySharing, SetAudience, SharedCredential, SharingState
from domain.wire import Reply
from tests.ui.conftest import Bench
from tests.ui.fake_engine import id_of
from tests.ui.team_parts import tell_team

ARABIC = "مهندسة الشبكات المسؤولة عن محطات الجبال الشمالية والوديان كلها"
ROSA = Member(id_of("me"), "Rosa", "engineer")
OTHER = Member(id_of("joe"), ARABIC, "tenant_admin")


def told(*collectors: str, **fields: object) -> SharingState:
    row = SharedCredential(id_of("community"), Audience(), True, ("Hill",))
    return SharingState(collectors, (ROSA, OTHER), (msgspec.structs.replace(row, **fields),))


def opened(bench: Bench, state: SharingState, collectors: int | None = 0) -> Credentials:
    bench.engine.answers[QuerySharing] = Reply(0, result=msgspec.to_builtins(state))
    bench.engine.answers[SetAudience] = Reply(0, result={"waiting": 0})
    tell_team(bench, collectors=collectors)
    bench.window.actions_by_name["credentials"].trigger()
    (board,) = bench.window.findChildren(Credentials)
    bench.wait_for(lambda: board.sharing)
    return board


def form_of(board: Credentials) -> CredentialForm:
    (found,) = [form for form in board.findChildren(CredentialForm) if form.isVisible()]
    return found


def said_of(bench: Bench) -> list[SetAudience]:
    return [one for one in bench.engine.heard if isinstance(one, SetAudience)]


def cells(board: Credentials, row: int = 0) -> list[str]:
    return [item.text() if (item := board.table.item(row, n)) else "" for n in (4, 5)]


def test_without_a_collector_engineers_are_suggested_and_it_is_said_why(bench: Bench) -> None:
    board = opened(bench, told())
    board.add()
    form = form_of(board)
    assert form.audience is not None and form.audience.kind == "engineers"
    assert form.audience.why.isVisible() and form.audience.why.text() == NO_COLLECTOR
    assert "neither open it nor poll" in form.audience.stories["people"].text()
    form.name.setText("Hilltop")
    form.login.secret.setText("public")
    form.submit()
    bench.wait_for(lambda: bench.engine.edits)
    (said,) = said_of(bench)
    (made,) = bench.engine.secrets
    assert (said.credentials, said.audience) == ((made,), Audience("engineers"))
    kinds = [type(one).__name__ for one in bench.engine.heard]
    assert kinds.index("SetAudience") < kinds.index("SubmitEdit"), "before there is a secret to be given away"


def test_with_a_collector_it_is_the_server(bench: Bench) -> None:
    board = opened(bench, told("Hill"), collectors=1)
    board.add()
    audience = form_of(board).audience
    assert audience is not None and audience.kind == "server" and audience.why.isHidden()


def test_people_are_named_and_nobody_is_refused_at_the_choice(bench: Bench) -> None:
    board = opened(bench, told("Hill"), collectors=1)
    board.table.selectRow(0)
    board.share()
    (form,) = board.findChildren(AudienceForm)
    field = form._field
    field.choose("people")
    assert not field.people.isHidden() and len(field.boxes) == 2
    assert field.audience().people == frozenset()
    form.submit()
    assert "At least one" in form.fields.by_name["audience"].refusal.text() and not said_of(bench)
    field.boxes[ROSA.account].click()
    form.submit()
    bench.wait_for(lambda: said_of(bench))
    assert said_of(bench)[0].audience == Audience("people", people=frozenset([ROSA.account]))


def test_what_the_server_refuses_is_said_at_the_choice_and_the_form_stays(bench: Bench) -> None:
    board = opened(bench, told())
    said = "nobody who may hold it then has this secret"
    bench.engine.answers[SetAudience] = Reply(0, (Refusal("HOLDER_CONFLICT", said, "audience"),))
    board.table.selectRow(0)
    board.share()
    (form,) = board.findChildren(AudienceForm)
    form.submit()
    bench.wait_for(form.fields.by_name["audience"].refusal.text)
    assert form.isVisible() and "Nobody who may hold it" in form.fields.by_name["audience"].refusal.text()


def test_the_list_says_who_holds_what_and_what_to_change_on_the_routers(bench: Bench) -> None:
    lost = Lost(id_of("old"), "Old laptop", 1_764_000_000_000_000)
    unnamed = Lost(id_of("other"), "", 1_764_000_000_000_000)
    people = frozenset([OTHER.account])
    board = opened(bench, told(audience=Audience("people", people=people), lost=(lost, unnamed)))
    assert cells(board)[1] == "1 computer" and ARABIC in cells(board)[0]
    assert board.to_change.isVisible() and "Field community" in board.to_change.text()
    board.table.selectRow(0)
    assert "Held by" in board.detail.text() and "Old laptop" in board.detail.text()
    assert "; a computer, revoked" in board.detail.text()


def test_a_viewer_may_not_say_it_and_without_a_team_there_is_nothing_to_say(bench: Bench) -> None:
    board = opened(bench, told())
    assert board.table.columnCount() == 6 and board.hold_button.isVisible()
    board.close()
    tell_team(bench, "viewer")
    assert not bench.window.actions_by_name["credentials"].isEnabled()


def test_an_audience_in_words_names_few_and_counts_the_rest() -> None:
    members = [Member(id_of(name), name, "engineer") for name in ("Ann", "Ben", "Cy", "Di")]
    named = Audience("people", people=frozenset(one.account for one in members))
    assert audience_words(named, members).count(",") == 3 and "1 more" in audience_words(named, members)
    assert audience_words(named, []) == "Only 4 people"
    assert audience_words(Audience(sites=frozenset([id_of("x")])), []) == "Server and collectors, at 1 site"
