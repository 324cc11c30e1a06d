"""`heliograph trust`: certificates and host keys that nobody has trusted, told and trusted without a window. No Qt.

Counterpart: `trust.py`; `dialogs/trust.py` asks the same in the window. One rule: what is trusted is a fingerprint that a person
saw: the one that is shown here and answered with yes, or one that is given whole.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from app.draft import author_name, edit_of
from app.errand import Errand, Refused, run
from app.trust import Shown, grouped_hex, openssh, read_fingerprint, trusting, untrusted, what_it_shows
from domain.edit import change
from domain.errors import Refusal
from domain.inventory import Device, Probe, probe_names
from domain.wire import SubmitEdit


def trust(arguments: list[str]) -> int:
    """Say what waits to be trusted, or trust it; return 0 done, 1 refused, 2 no engine or no profile."""
    options = _parser().parse_args(arguments)

    def do(errand: Errand) -> str:
        if options.device is None:
            return _waiting(errand)
        device = _device(errand, options.device)
        if options.fingerprint is not None:
            return _trust_given(errand, device, options.probe, options.fingerprint)
        shown = _shown(errand, device, options.probe)
        sys.stdout.write(f"{_story(device, shown)}\nCompare it with the device's own. ")
        if not _says_yes("Trust it? [y/N] "):
            raise _refused("nothing is trusted that was not before")
        return _submit(errand, device, shown.probe, shown.seen)

    return run(options.profile, do)


def _waiting(errand: Errand) -> str:
    stories = [
        _story(device, shown)
        for device in sorted(errand.inventory.devices(), key=lambda device: device.name.casefold())
        for shown in untrusted(device, errand.health.get(device.id))
    ]
    return "\n\n".join(stories) if stories else "nothing waits to be trusted"


def _story(device: Device, shown: Shown) -> str:
    """Return which device shows what, and what was trusted before."""
    again = "another" if shown.is_change else "a"
    said = f"{device.name} ({device.address}), {shown.name}: shows {again} {shown.what}"
    return f"{said}\n{_forms(shown.probe, shown.seen)}" + (
        f"\ntrusted until now:\n{_forms(shown.probe, shown.probe.pin)}" if shown.is_change else ""
    )


def _forms(probe: Probe, fingerprint: str) -> str:
    forms = [openssh(fingerprint)] if probe.kind == "ssh" else []
    return "\n".join(f"  {form}" for form in (*forms, grouped_hex(fingerprint)))


def _device(errand: Errand, named: str) -> Device:
    devices = [
        device
        for device in errand.inventory.devices()
        if named == device.address or named.casefold() == device.name.casefold()
    ]
    if len(devices) == 1:
        return devices[0]
    if not devices:
        raise _refused(f"no device is called {named!r} or has that address", "device")
    raise _refused(f"{len(devices)} devices are called {named!r}: name one by its address", "device")


def _shown(errand: Errand, device: Device, name: str | None) -> Shown:
    """Return what a device shows and nobody has trusted."""
    waiting = untrusted(device, errand.health.get(device.id))
    found = [shown for shown in waiting if name in (None, shown.name)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise _refused(f"{device.name} shows nothing that waits to be trusted", "probe")
    raise _refused(f"name one of {', '.join(shown.name for shown in found)}", "probe")


def _trust_given(errand: Errand, device: Device, name: str | None, given: str) -> str:
    """Trust a fingerprint that somebody brought from the device, whether it was asked by now or not."""
    fingerprint = read_fingerprint(given)
    if not fingerprint:
        raise _refused(
            "a SHA-256 fingerprint expected: 64 hex digits, or SHA256:... as ssh-keygen -l says it",
            "fingerprint",
        )
    probes = {
        each: probe
        for each, probe in probe_names(device).items()
        if name in (None, each) and (probe.kind == "ssh" or probe.tls)
    }
    if len(probes) != 1:
        said = (
            f"name one of {', '.join(probes)}"
            if probes
            else f"{device.name} is asked by nothing that is trusted so"
        )
        raise _refused(said, "probe")
    ((name, probe),) = probes.items()
    for shown in untrusted(device, errand.health.get(device.id)):
        if shown.name == name and shown.seen != fingerprint:
            raise _refused(f"another one is shown there:\n{_forms(probe, shown.seen)}", "fingerprint")
    return _submit(errand, device, probe, fingerprint)


def _submit(errand: Errand, device: Device, probe: Probe, fingerprint: str) -> str:
    what = f"the {what_it_shows(probe)} of {device.name}"
    step = change("device", device, trusting(device, probe, fingerprint))
    if step is None:
        return f"{what} was trusted already"
    edit = edit_of(f"Trust {what}", author_name(), [step])
    reply = errand.talk.ask(lambda number: SubmitEdit(number, edit))
    if reply.refusals:
        raise Refused(reply.refusals)
    return f"{what} is trusted now"


def _says_yes(question: str) -> bool:
    sys.stdout.write(question)
    sys.stdout.flush()
    return sys.stdin.readline().strip().casefold() in ("y", "yes")


def _refused(said: str, field: str = "") -> Refused:
    return Refused((Refusal("INVALID_INPUT", said, field),))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="heliograph trust",
        description="Certificates and host keys that nobody has trusted; without a device all that wait are told.",
    )
    parser.add_argument("device", nargs="?", metavar="DEVICE", help="its name or address")
    parser.add_argument("probe", nargs="?", metavar="PROBE", help="such as ssh, where a device shows several")
    parser.add_argument(
        "--fingerprint", metavar="SHA256", help="trust this one without a question, and no other"
    )
    parser.add_argument("--profile", type=Path, metavar="DIR", help="folder that holds the network")
    return parser
