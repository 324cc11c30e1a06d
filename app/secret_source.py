"""Where a command gets a secret from: a file, standard input, the environment, a question. Counterpart: `cli.py`, `upkeep.py`.

One rule: never from the command line, where everybody on this computer can read it.
"""

from __future__ import annotations

import getpass
import os
import sys
from pathlib import Path


class NoSecret(Exception):
    """A secret that was announced could not be had; the message says from where and why."""


def read_secret(
    file: Path | None, variable: str, *, from_stdin: bool = False, whole: bool = False
) -> str | None:
    """Return a secret from where the user said it is, without its line break; None where nowhere was said.

    `whole`: the file is the secret, line breaks and all, such as a private key.
    """
    source = str(file) if file is not None else "standard input" if from_stdin else variable
    try:
        if file is not None:
            text = file.read_text("utf-8")
            secret = text if whole else text.rstrip("\r\n")
        elif from_stdin:
            secret = sys.stdin.readline().rstrip("\r\n")
        elif (found := os.environ.pop(variable, None)) is not None:
            secret = found  # an engine that is started for this does not inherit it
        else:
            return None
        secret.encode("utf-8")  # the environment can hold what no text can
    except UnicodeError:
        raise NoSecret(f"the secret in {source} is no UTF-8 text") from None
    except OSError as error:
        raise NoSecret(f"the secret in {source} cannot be read: {error.strerror or error}") from None
    return secret


def ask_secret(question: str) -> str:
    """Ask for a secret without showing it."""
    try:
        return getpass.getpass(question)
    except (EOFError, UnicodeError):
        raise NoSecret("no secret was given") from None
