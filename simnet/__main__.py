"""The simulator's command: `python -m simnet run`, and what one can tell a running one.

Counterpart: `fleet.py` runs, `control.py` carries the commands. One rule: exit code 0 is done, 1 is refused, 2 is that
there is no simulator or none could be started.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import sys
from pathlib import Path

from simnet.control import ControlError, SecondSimulatorError, default_state, send_command
from simnet.faults import USAGE, VERBS
from simnet.fleet import FleetError, Play, run_fleet
from simnet.loopback import API_PORT, SNMP_PORT, LoopbackError
from simnet.network import VORALPNET, Network, NetworkError, load_network
from simnet.synthetic import build_network
from simnet.topologies import DEVICES, build_topology


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname.lower(), "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def main(arguments: list[str] | None = None) -> int:
    """Do what the command line says; returns the exit code."""
    parser = _parser()
    parsed = parser.parse_args(arguments)
    if parsed.verb == "run" and parsed.network and parsed.devices is not None:
        parser.error("argument --devices: not allowed with argument --network")
    state: Path = parsed.state or default_state()
    if parsed.verb == "run":
        return _run(parsed, state)
    try:
        is_done, text = send_command(state, [parsed.verb, *parsed.words])
    except ControlError as error:
        return _say(str(error), 2)
    return _say(text, 0 if is_done else 1)


def _run(parsed: argparse.Namespace, state: Path) -> int:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    code = 0
    try:
        network = _network(parsed)
        run_fleet(
            Play(
                network,
                state,
                processes=max(1, min(parsed.processes, len(network.routers))),
                needs_path=parsed.transit or parsed.topology is not None,
                plays_demo=parsed.scenario == "demo",
                inventory=parsed.inventory,
                with_parent=parsed.with_parent,
                snmp_port=parsed.snmp_port,
                api_port=parsed.api_port,
                port_base=parsed.port_base,
            )
        )
    except* (NetworkError, LoopbackError, FleetError, SecondSimulatorError, OSError) as group:
        for error in _leaves(group):
            logging.getLogger("simnet").error("%s", error)
        code = 2
    return code


def _network(parsed: argparse.Namespace) -> Network:
    if parsed.topology is not None:
        return build_topology(parsed.topology, parsed.devices or DEVICES, parsed.seed)
    return build_network(parsed.devices) if parsed.devices else load_network(parsed.network or VORALPNET)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


def _say(text: str, code: int) -> int:
    (sys.stderr if code else sys.stdout).write(f"{text}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="simnet",
        description="A fleet of simulated routers on loopback, and faults for it while it runs.",
        epilog=f"commands to a running simulator:\n{USAGE}\n  stop                   ends it",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    run = verbs.add_parser("run", help="run a network until told to stop")
    what = run.add_mutually_exclusive_group()
    what.add_argument(
        "--network", type=Path, metavar="FILE", help="a network file; the demo network if left out"
    )
    what.add_argument(
        "--topology",
        metavar="NAME",
        help=f"N routers ({DEVICES}) on a real backbone, like sndlib/germany50; has --transit",
    )
    run.add_argument("--devices", type=int, metavar="N", help="a network made up of N routers")
    run.add_argument("--seed", type=int, default=1, metavar="N", help="another network on the same backbone")
    run.add_argument(
        "--processes", type=int, default=1, metavar="N", help="share the routers among N processes"
    )
    run.add_argument("--scenario", choices=["demo"], help="let things happen by themselves")
    run.add_argument(
        "--transit", action="store_true", help="routers without a path to the vantage are silent"
    )
    run.add_argument("--inventory", type=Path, metavar="FILE", help="write what an operator would type in")
    run.add_argument("--with-parent", action="store_true", help="end when the standard input does")
    run.add_argument("--snmp-port", type=int, default=SNMP_PORT, help="where routers have their own address")
    run.add_argument("--api-port", type=int, default=API_PORT, help="where routers have their own address")
    run.add_argument("--port-base", type=int, default=SNMP_PORT, help="first port where they share 127.0.0.1")
    _add_state(run)
    for verb in (*VERBS, "stop"):
        command = verbs.add_parser(verb)
        command.add_argument("words", nargs="*", metavar="WORD")
        _add_state(command)
    return parser


def _add_state(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--state", type=Path, metavar="DIR", help="folder of the control file")


if __name__ == "__main__":
    multiprocessing.freeze_support()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    sys.exit(main())
