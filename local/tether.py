"""Run a command that can't outlive the process that asked for it: `python tether.py PARENT_PID COMMAND...`.

On Linux the kernel kills the command when its parent ends, however it ends. Elsewhere, or with `--pipe`, a small
process watches standard input, which the parent holds open and never writes to: its end means that the parent is gone.
The kernel counts the thread that asked as the parent: ask from one that lives as long as the process.
The command replaces this process, so the parent sees the command's own process id. Standard library only, no package
imports: this file is run as a script, so that it costs milliseconds.
"""

import ctypes
import os
import platform
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie_by_kernel(parent: int) -> None:
    """Ask the kernel to kill this process with its parent; end at once if the parent is gone already."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent:
        sys.exit(f"the parent process {parent} has ended")


def tie_by_pipe() -> None:
    """Leave a process behind that kills this one when standard input ends."""
    command = os.getpid()
    if os.fork():
        return
    os.read(0, 1)
    if os.getppid() == command:  # otherwise it has ended, and its number may be another's
        os.kill(command, signal.SIGKILL)
    os._exit(0)


def main(arguments: list[str]) -> None:
    """Tie this process to its parent and become the command."""
    by_pipe = arguments[0] == "--pipe"
    parent, *command = arguments[by_pipe:]
    if by_pipe or platform.system() != "Linux":
        tie_by_pipe()
    else:
        tie_by_kernel(int(parent))
    os.execvp(command[0], command)  # noqa: S606  replacing this process by the given command is what it is for


if __name__ == "__main__":
    main(sys.argv[1:])
