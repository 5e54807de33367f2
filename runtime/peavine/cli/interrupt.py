"""How commands that run a Flow exit: whatever asks them to, they stop it in order, as on Ctrl-C."""

from __future__ import annotations

import signal


def end_like_ctrl_c() -> None:
    """Let SIGTERM, and SIGHUP of a terminal that is closed, raise KeyboardInterrupt; `nohup` stays in force."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
